"""The plan over HTTP: as text for a person, as JSON and as a table."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import msgspec
import pytest

from service.store.plans import Entry
from tests.service.conftest import PREFIX, House
from tests.unit.planning.merging import done, holding, merge, subjects, wrote
from worker.planning.changes import Change, Changes
from worker.planning.groups import group

JSON = {"Accept": "application/json"}
NDJSON = {"Accept": "application/x-ndjson"}
TABLE = {"Accept": "text/csv"}

DRAFT = {
    "destination": "item",
    "kind": "item",
    "ordinal": 0,
    "properties": [
        {
            "term": "dcterms:title",
            "values": [{"text": "One\nline", "language": "en"}, {"text": "Eins", "language": "de"}],
        },
        {"term": "dcterms:source", "values": [{"type": "uri", "uri": "https://x.org", "label": "X"}]},
        {"term": "dcterms:date", "values": [{"type": "numeric:timestamp", "text": "1900", "public": False}]},
        {"term": "dcterms:creator", "values": [{"link": {"to": "item:artist", "identity": ["7"]}}]},
    ],
    "fields": {"public": True, "sites": ["a", "b"], "resource_class": None},
}
PROBLEMS = [{"severity": "reject", "code": "no-identity", "message": "No identifier in row 4."}]


def entry(seq: int, action: Any, **more: Any) -> Entry:
    given = {
        "seq": seq,
        "file": "data0",
        "row": seq,
        "ordinal": 0,
        "destination": "item",
        "kind": "item",
        "identifier": f"a{seq}",
        "action": action,
    }
    return Entry(**{**given, **more})


def changes(*how: Any, **more: Any) -> bytes:
    made = done(merge(*how, **more))
    return msgspec.json.encode(Changes(made.changes, made.conflicts))


ENTRIES = [
    entry(1, "create", draft=msgspec.json.encode(DRAFT)),
    entry(2, "unchanged", outcome="unchanged", resource_id=77, identifier='=HYPERLINK("x")'),
    entry(
        3,
        "update",
        resource_id=78,
        draft=b"{}",
        changes=changes(subjects("Oak§", "Ash", "Fir"), holding("Oak", "Yew"), wrote("Oak")),
    ),
    entry(4, "reject", outcome="rejected", identifier=None, problems=msgspec.json.encode(PROBLEMS)),
    entry(5, "delete", resource_id=79, file="", row=0, changes=changes(subjects(), holding("Elm"))),
    entry(
        6,
        "unchanged",
        outcome="unchanged",
        resource_id=80,
        changes=changes(subjects("Ash"), holding("Yew"), wrote("Oak"), on_conflict="keep"),
    ),
]
COUNTS = {
    "read": 5,
    "action:create": 1,
    "action:update": 1,
    "action:delete": 1,
    "action:unchanged": 2,
    "action:reject": 1,
}


def plan(house: House, batch: str, query: str = "", headers: dict[str, str] | None = None) -> Any:
    return house.client.get(f"{PREFIX}/batch/{batch}/plan{query}", headers=headers)


def text(house: House, batch: str, query: str = "") -> str:
    """The text after its first line, which names run and time."""
    first, _, rest = str(plan(house, batch, query).text).partition("\n")
    assert re.fullmatch(r"Plan of a dry run, made [0-9-]{10} [0-9:]{8} UTC \(run [0-9a-z]{26}\)", first)
    return rest


@pytest.fixture
def planned(house: House) -> str:
    """A batch whose dry run planned one of each."""
    batch = house.filled()
    found = group(ENTRIES).groups
    house.finish(house.schedule(batch, "dry-run"), entries=ENTRIES, groups=found, counts=COUNTS)
    return batch


UPDATE = (
    "\n~ data0:3 [a3] item 78\n"
    "    dcterms:subject:\n"
    "      Oak → Oak (private)\n"
    "      Yew → Ash\n"
    "      + Fir\n"
    "    ! dcterms:subject: since the last import somebody put “Yew” there; the record means "
    "“Oak (private)”, “Ash”, “Fir”, which takes its place.\n"
)
CREATE = (
    "\n+ data0:1 [a1] item\n"
    "    dcterms:title: One\\nline @en | Eins @de\n"
    "    dcterms:source: https://x.org “X”\n"
    "    dcterms:date: 1900 ^^numeric:timestamp (private)\n"
    "    dcterms:creator: → item:artist 7\n"
    "    public: true\n"
    "    site: a | b\n"
)
DELETE = "\n- [a5] item 79\n    dcterms:subject: - Elm\n"
REJECT = "\n! data0:4 item\n    ! No identifier in row 4.\n"
COUNTED = "5 records: 1 to update, 1 to create, 1 to delete, 2 unchanged, 1 rejected.\n"


def test_the_text_is_a_summary_then_the_groups_then_each_record_that_changes(
    house: House, planned: str
) -> None:
    meant = "since the last import somebody put “Yew” there; the record means"
    assert text(house, planned) == (
        COUNTED + "\n"
        "What changes in what is updated\n"
        "  dcterms:subject  1 changed  e.g. data0:3 [a3]: Oak → Oak (private) | Yew → Ash | (nothing) → Fir\n"
        "\n"
        "What the new resources get\n"
        "  dcterms:creator  1  e.g. data0:1 [a1]: → item:artist 7\n"
        "  dcterms:date     1  e.g. data0:1 [a1]: 1900 ^^numeric:timestamp (private)\n"
        "  dcterms:source   1  e.g. data0:1 [a1]: https://x.org “X”\n"
        "  dcterms:title    1  e.g. data0:1 [a1]: One line @en | Eins @de\n"
        "  public           1  e.g. data0:1 [a1]: true\n"
        "  site             1  e.g. data0:1 [a1]: a | b\n"
        "\n"
        "Not written\n"
        "  1 × no-identity: data0:4: No identifier in row 4.\n"
        "\n"
        "Edits that somebody made since the last import\n"
        f"  1 × dcterms:subject, they are kept: data0:6 [a6]: dcterms:subject: {meant} “Ash”. What stands in "
        "the target is kept.\n"
        f"  1 × dcterms:subject, the record takes their place: data0:3 [a3]: dcterms:subject: {meant} "
        "“Oak (private)”, “Ash”, “Fir”, which takes its place.\n"
        f"\nTo update (1)\n{UPDATE}\nTo delete (1)\n{DELETE}\nTo create (1)\n{CREATE}"
        f"\nRejected: not to be written (1)\n{REJECT}"
    )


def test_the_text_is_as_long_and_as_wide_as_is_asked(house: House, planned: str) -> None:
    whole = text(house, planned)
    summary = text(house, planned, "?details=none")
    assert summary + whole[len(summary) :] == whole
    assert whole[len(summary) :].startswith("\nTo update (1)\n")
    assert text(house, planned, "?details=full") == whole
    narrow = text(house, planned, "?width=60")
    assert max(map(len, narrow.splitlines())) == 60
    assert "    ! dcterms:subject: since the last import somebody put\n      “Yew” there;" in narrow
    for wrong in ("?details=some", "?width=39", "?width=1001", "?width=x"):
        assert plan(house, planned, wrong).status_code == 400


def test_a_narrowed_text_has_the_counts_and_what_was_asked_for(house: House, planned: str) -> None:
    assert text(house, planned, "?action=update") == f"{COUNTED}\nTo update (1)\n{UPDATE}"
    assert text(house, planned, "?identifier=a1") == f"{COUNTED}\nTo create\n{CREATE}"
    assert text(house, planned, "?row=4-9") == (
        f"{COUNTED}\nRejected: not to be written\n{REJECT}\nUnchanged\n= data0:6 [a6] item 80\n"
    )
    assert text(house, planned, "?action=unchanged&action=create") == (
        f'{COUNTED}\nTo create (1)\n{CREATE}\nUnchanged (2)\n= data0:2 [=HYPERLINK("x")] item 77\n'
        "= data0:6 [a6] item 80\n"
    )
    assert text(house, planned, "?file=other") == COUNTED
    assert text(house, planned, "?action=nonsense") == COUNTED


def test_a_long_section_is_read_in_pages(house: House) -> None:
    batch = house.filled()
    entries = [entry(n, "update", resource_id=n) for n in range(1, 1203)]
    house.finish(house.schedule(batch, "dry-run"), entries=entries, counts={"action:update": 1202})
    found = text(house, batch).splitlines()
    assert found.count("To update (1202)") == 1
    assert [line for line in found if line.startswith("~")] == [
        f"~ data0:{n} [a{n}] item {n}" for n in range(1, 1203)
    ]


def test_what_is_to_be_unpublished_has_a_section_of_its_own(house: House) -> None:
    batch = house.filled()
    hidden = Changes((Change("public", ("true",), ("false",), (), ("true",), ("false",)),))
    message = "No record mentions it any more: it is taken from the public."
    gone = entry(1, "unpublish", resource_id=81, file="", row=0, message=message)
    gone = msgspec.structs.replace(gone, changes=msgspec.json.encode(hidden))
    counts = {"read": 0, "action:unpublish": 1}
    house.finish(house.schedule(batch, "dry-run"), entries=[gone], counts=counts)
    listed = f"\nTo unpublish (1)\n\n- [a1] item 81\n    public: true → false\n    ! {message}\n"
    assert text(house, batch) == f"0 records: 1 to unpublish.\n{listed}"
    assert text(house, batch, "?action=unpublish") == f"0 records: 1 to unpublish.\n{listed}"


def test_the_json_has_before_and_after_what_differs_and_the_conflicts(house: House, planned: str) -> None:
    found = {one["row"]: one for one in plan(house, planned, headers=JSON).json()}
    assert found[3] == {
        "file": "data0",
        "row": 3,
        "identifier": "a3",
        "action": "update",
        "resource": "item",
        "id": 78,
        "url": "https://tate.example.org/admin/item/78",
        "changes": [
            {
                "property": "dcterms:subject",
                "before": ["Oak", "Yew"],
                "after": ["Oak (private)", "Ash", "Fir"],
                "added": ["Ash", "Fir"],
                "removed": ["Yew"],
                "changed": [["Oak", "Oak (private)"]],
            }
        ],
        "conflicts": [
            {
                "property": "dcterms:subject",
                "resolution": "overwrite",
                "theirs": ["Yew"],
                "removed": [],
                "meant": ["Oak (private)", "Ash", "Fir"],
                "message": (
                    "dcterms:subject: since the last import somebody put “Yew” there; the record means "
                    "“Oak (private)”, “Ash”, “Fir”, which takes its place."
                ),
            }
        ],
        "messages": [],
    }
    assert found[1]["changes"][0] == {
        "property": "dcterms:title",
        "before": [],
        "after": ["One\nline @en", "Eins @de"],
        "added": ["One\nline @en", "Eins @de"],
        "removed": [],
        "changed": [],
    }
    assert (found[4]["messages"], found[2]["changes"], found[0]["changes"][0]["removed"]) == (
        ["No identifier in row 4."],
        [],
        ["Elm"],
    )
    lines = [json.loads(line) for line in plan(house, planned, headers=NDJSON).iter_lines()]
    assert lines == list(found.values())
    chosen = plan(house, planned, "?action=delete", headers=JSON).json()
    assert chosen == [found[0]]


def test_the_table_has_a_row_a_property_and_no_formula(house: House, planned: str) -> None:
    rows = list(csv.DictReader(io.StringIO(plan(house, planned, headers=TABLE).text)))
    assert [(one["row"], one["action"], one["property"]) for one in rows] == [
        ("1", "create", "dcterms:title"),
        ("1", "create", "dcterms:source"),
        ("1", "create", "dcterms:date"),
        ("1", "create", "dcterms:creator"),
        ("1", "create", "public"),
        ("1", "create", "site"),
        ("2", "unchanged", ""),
        ("3", "update", "dcterms:subject"),
        ("4", "reject", ""),
        ("0", "delete", "dcterms:subject"),
        ("6", "unchanged", "dcterms:subject"),
    ]
    assert rows[6]["identifier"] == '\'=HYPERLINK("x")'
    assert rows[7] == {
        "file": "data0",
        "row": "3",
        "identifier": "a3",
        "action": "update",
        "resource": "item",
        "id": "78",
        "property": "dcterms:subject",
        "before": "Oak | Yew",
        "after": "Oak (private) | Ash | Fir",
        "added": "Ash | Fir",
        "removed": "Yew",
        "changed": "Oak → Oak (private)",
        "conflict": (
            "dcterms:subject: since the last import somebody put “Yew” there; the record means "
            "“Oak (private)”, “Ash”, “Fir”, which takes its place."
        ),
        "message": "",
    }
    assert (rows[8]["message"], rows[10]["before"], rows[10]["conflict"].endswith("is kept.")) == (
        "No identifier in row 4.",
        "",
        True,
    )
