"""Which media is the primary one of its item: said only where it makes a difference, and taken back.

One installation for all of them; each test has items of its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.acceptance.installation import CONTROL, Installation, target_of
from tests.acceptance.pictures import jpeg
from tests.acceptance.test_media import SCANS, media_of, scanned, send, shown, uploaded
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy

_BEGIN, _TITLE, _EACH = SCANS["instructions"]
WITH_PRIMARY = [
    _BEGIN,
    _TITLE,
    {
        **_EACH,
        "instructions": [
            *_EACH["instructions"],
            {"source": "best", "destination": "media", "name": "primary"},
        ],
    },
]


@pytest.fixture(scope="module")
def omeka() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture(scope="module")
def accession(tmp_path_factory: pytest.TempPathFactory, omeka: StandIn) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("primary") / "accession"
    with Installation(folder, {"omeka": target_of(omeka)}) as installation:
        yield installation.start()


def record(acno: str, best: str, *names: str) -> dict[str, Any]:
    """A record with scans of these names; `best` is said to be the primary one, "" for none."""
    one = scanned(acno, *names)
    for scan in one["scans"]:
        scan["best"] = "yes" if scan["file"] == best else "no"
    return one


def import_(accession: Installation, *records: dict[str, Any], mode: str = "import", **more: Any) -> str:
    names = [scan["file"] for one in records for scan in one["scans"]]
    attached = uploaded(*names) | more.pop("attached", {})
    batch = send(accession, records, attached, instructions=WITH_PRIMARY, **more)
    assert accession.run(batch, mode) in ("complete", "dry-run"), accession.log(batch)
    return batch


def item(omeka: StandIn, acno: str) -> dict[str, Any]:
    found = (one for one in omeka.dump()["items"] if one["dcterms:identifier"][0]["@value"] == acno)
    return dict(next(found))


def primary(omeka: StandIn, acno: str) -> str:
    """The file name of the media that Omeka shows as the primary one."""
    number = item(omeka, acno)["o:primary_media"]["o:id"]
    return next(str(one["o:source"]) for one in media_of(omeka, acno) if one["o:id"] == number)


def somebody_chooses(omeka: StandIn, acno: str, name: str) -> None:
    number = next(one["o:id"] for one in media_of(omeka, acno) if one["o:source"] == name)
    body = {"o:primary_media": {"o:id": number}}
    address = f"{omeka.api}/items/{item(omeka, acno)['o:id']}"
    httpx2.patch(address, params=omeka.key, json=body).raise_for_status()


def writes(omeka: StandIn) -> int:
    return int(omeka.requests(0)["writes"])


def test_the_first_media_needs_no_word_and_another_one_request(
    accession: Installation, omeka: StandIn
) -> None:
    before = writes(omeka)
    records = [record("N1", "a.jpg", "a.jpg", "b.jpg"), record("N2", "d.jpg", "c.jpg", "d.jpg")]
    batch = import_(accession, *records)
    assert (primary(omeka, "N1"), primary(omeka, "N2")) == ("a.jpg", "d.jpg")
    assert writes(omeka) == before + 2 + 1
    assert accession.counts(batch)["created"] == 6
    again = import_(accession, *records)
    assert writes(omeka) == before + 3
    assert accession.counts(again)["unchanged"] == 6, accession.log(again)
    assert accession.run(batch, "undo") == "undone", accession.log(batch)
    assert {one["dcterms:identifier"][0]["@value"] for one in omeka.dump()["items"]}.isdisjoint({"N1", "N2"})


def test_another_choice_is_shown_sent_once_with_the_order_and_taken_back(
    accession: Installation, omeka: StandIn
) -> None:
    names = ("a.jpg", "b.jpg", "c.jpg")
    import_(accession, record("C1", "", *names))
    before, stood = writes(omeka), shown(omeka, "C1")
    third = record("C1", "c.jpg", *names)
    dry = import_(accession, third, mode="dry-run")
    text = accession.get(f"batch/{dry}/plan", details="full").text
    assert "primary media" in text, text
    assert "a.jpg" in text, text
    assert "c.jpg" in text, text
    assert writes(omeka) == before
    batch = import_(accession, third)
    assert primary(omeka, "C1") == "c.jpg"
    assert shown(omeka, "C1") == stood
    assert writes(omeka) == before + 1
    turned = import_(accession, record("C1", "b.jpg", "c.jpg", "a.jpg", "b.jpg"))
    assert primary(omeka, "C1") == "b.jpg"
    assert [name for name, _ in shown(omeka, "C1")] == ["c.jpg", "a.jpg", "b.jpg"]
    assert writes(omeka) == before + 2
    same = import_(accession, record("C1", "b.jpg", "c.jpg", "a.jpg", "b.jpg"))
    assert accession.counts(same)["unchanged"] == 4, accession.log(same)
    assert writes(omeka) == before + 2
    assert accession.run(turned, "undo") == "undone", accession.log(turned)
    assert (primary(omeka, "C1"), shown(omeka, "C1")) == ("c.jpg", stood)
    assert accession.run(batch, "undo") == "undone", accession.log(batch)
    assert (primary(omeka, "C1"), shown(omeka, "C1")) == ("a.jpg", stood)


def test_a_new_media_becomes_the_primary_one_of_an_item_that_stands(
    accession: Installation, omeka: StandIn
) -> None:
    import_(accession, record("A1", "", "a.jpg"))
    before = writes(omeka)
    batch = import_(accession, record("A1", "b.jpg", "a.jpg", "b.jpg"))
    assert primary(omeka, "A1") == "b.jpg"
    assert writes(omeka) == before + 2
    better = {"scans/b.jpg": jpeg("a better b")}
    again = import_(accession, record("A1", "b.jpg", "a.jpg", "b.jpg"), attached=better)
    assert primary(omeka, "A1") == "b.jpg"
    assert len(media_of(omeka, "A1")) == 2
    assert writes(omeka) == before + 2 + 3
    assert accession.run(again, "undo") == "undone", accession.log(again)
    assert primary(omeka, "A1") == "b.jpg"
    assert accession.run(batch, "undo") == "undone", accession.log(batch)
    assert primary(omeka, "A1") == "a.jpg"


def test_what_takes_the_place_of_the_primary_one_is_that_too(accession: Installation, omeka: StandIn) -> None:
    """Also where the record names none: Omeka would forget what somebody has chosen."""
    import_(accession, record("S1", "", "a.jpg", "b.jpg"))
    somebody_chooses(omeka, "S1", "b.jpg")
    import_(accession, record("S1", "", "a.jpg", "b.jpg"), attached={"scans/b.jpg": jpeg("better still")})
    assert len(media_of(omeka, "S1")) == 2
    assert primary(omeka, "S1") == "b.jpg"


@pytest.mark.parametrize(
    ("on_conflict", "stands", "code"),
    [
        ("overwrite", "c.jpg", "conflict-overwrite"),
        ("keep", "b.jpg", "conflict-keep"),
        ("reject", "b.jpg", ""),
    ],
)
def test_what_somebody_else_has_chosen_is_a_conflict(
    accession: Installation, omeka: StandIn, on_conflict: str, stands: str, code: str
) -> None:
    acno, names = f"X-{on_conflict}", ("a.jpg", "b.jpg", "c.jpg")
    import_(accession, record(acno, "a.jpg", *names))
    somebody_chooses(omeka, acno, "b.jpg")
    before = writes(omeka)
    same = import_(accession, record(acno, "a.jpg", *names), onConflict=on_conflict)
    assert accession.counts(same)["unchanged"] == 4, accession.log(same)
    for _ in range(2):
        batch = send(
            accession,
            [record(acno, "c.jpg", *names)],
            uploaded(*names),
            instructions=WITH_PRIMARY,
            onConflict=on_conflict,
            maxErrors="100%",
        )
        state = accession.run(batch)
        assert state == ("complete-with-errors" if on_conflict == "reject" else "complete"), state
        assert primary(omeka, acno) == stands, accession.log(batch)
        assert writes(omeka) == before + (on_conflict == "overwrite")
        if on_conflict != "overwrite":
            assert code in accession.log(batch)
            assert "primary" in accession.log(batch), accession.log(batch)


def test_an_item_that_was_deleted_comes_back_with_its_primary_media(
    accession: Installation, omeka: StandIn
) -> None:
    match = {"item": {"source": "acno", "by": "dcterms:identifier", "scope": "primaries"}}
    both = [record("D1", "b.jpg", "a.jpg", "b.jpg"), record("D2", "", "c.jpg")]
    import_(accession, *both, match=match)
    stood = shown(omeka, "D1")
    match["item"]["absent"] = "delete"
    batch = send(accession, both[1:], uploaded("c.jpg"), instructions=WITH_PRIMARY, match=match)
    assert accession.run(batch, "dry-run") == "dry-run", accession.log(batch)
    assert accession.run(batch, maxRemovals="100%") == "complete", accession.log(batch)
    assert accession.run(batch, "undo") == "undone", accession.log(batch)
    assert (primary(omeka, "D1"), shown(omeka, "D1")) == ("b.jpg", stood), accession.log(batch)


@pytest.mark.parametrize("somebody", [False, True])
def test_a_primary_media_that_its_record_names_no_more_comes_back_as_that(
    accession: Installation, omeka: StandIn, somebody: bool
) -> None:
    acno = f"E{somebody}"
    match = {**CONTROL["match"], "media": {"by": "file", "absent": "delete"}}
    import_(accession, record(acno, "b.jpg", "a.jpg", "b.jpg", "c.jpg"))
    stood = shown(omeka, acno)
    fewer = record(acno, "", "a.jpg", "c.jpg")
    batch = send(accession, [fewer], uploaded("a.jpg", "c.jpg"), instructions=WITH_PRIMARY, match=match)
    assert accession.run(batch, "dry-run") == "dry-run", accession.log(batch)
    assert accession.run(batch, maxRemovals="100%") == "complete", accession.log(batch)
    assert primary(omeka, acno) == "a.jpg"
    if somebody:
        somebody_chooses(omeka, acno, "c.jpg")
    assert accession.run(batch, "undo") == "undone", accession.log(batch)
    assert shown(omeka, acno) == stood
    assert primary(omeka, acno) == ("c.jpg" if somebody else "b.jpg"), accession.log(batch)


def test_a_plan_that_was_shown_is_carried_out_with_the_title_of_the_item_too(
    accession: Installation, omeka: StandIn
) -> None:
    names = ("a.jpg", "b.jpg")
    import_(accession, record("P1", "", *names))
    changed = {**record("P1", "a.jpg", "b.jpg", "a.jpg"), "title": "Another title"}
    batch = import_(accession, changed, mode="dry-run")
    before, plan = writes(omeka), accession.facts(batch)["runs"][0]["run"]
    assert accession.run(batch, plan=plan) == "complete", accession.log(batch)
    assert writes(omeka) == before + 2
    assert (primary(omeka, "P1"), item(omeka, "P1")["o:title"]) == ("a.jpg", "Another title")
    assert [name for name, _ in shown(omeka, "P1")] == ["b.jpg", "a.jpg"]


def test_a_run_that_ends_before_the_primary_media_is_set_leaves_that_to_the_next(
    troubled: Installation, omeka: StandIn, proxy: FaultProxy
) -> None:
    one = record("R1", "b.jpg", "a.jpg", "b.jpg")
    batch = send(troubled, [one], uploaded("a.jpg", "b.jpg"), instructions=WITH_PRIMARY)
    proxy.add(Fault("answer", method="PATCH", status=503, headers={"retry-after": "1"}))
    troubled.schedule(batch)
    deadline = time.monotonic() + 60
    while troubled.state(batch) != "waiting":
        assert time.monotonic() < deadline, troubled.log(batch)
        time.sleep(0.05)
    assert troubled.post(f"batch/{batch}/cancel").status_code == 200
    assert troubled.wait(batch) == "cancelled", troubled.log(batch)
    proxy.clear()
    assert primary(omeka, "R1") == "a.jpg"
    import_(troubled, one)
    assert primary(omeka, "R1") == "b.jpg"
    before = writes(omeka)
    again = import_(troubled, one)
    assert troubled.counts(again)["unchanged"] == 3, troubled.log(again)
    assert writes(omeka) == before


def test_two_primary_media_are_refused(accession: Installation, omeka: StandIn) -> None:
    both = record("T1", "a.jpg", "a.jpg", "b.jpg")
    both["scans"][1]["best"] = True
    batch = send(accession, [both], uploaded("a.jpg", "b.jpg"), instructions=WITH_PRIMARY, maxErrors="100%")
    assert accession.run(batch) == "complete-with-errors", accession.log(batch)
    assert [one["code"] for one in accession.report(batch)] == ["primary-several"]
    assert "give “primary” to one of them" in accession.log(batch)
