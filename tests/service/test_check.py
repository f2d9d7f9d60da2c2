"""Checking and making control files, as far as the service does it; the worker is played by the test."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from service.api.checked import check_text, found_line
from service.api.modelled import model_text
from service.control.target_model import (
    TargetCustomVocabulary,
    TargetItemSet,
    TargetModel,
    TargetProperty,
    TargetTemplate,
    TargetVocabulary,
    TemplateProperty,
)
from service.store import tasks
from service.store.control_check import (
    CheckAsked,
    CheckedDraft,
    CheckedFile,
    CheckedProperty,
    CheckedRow,
    CheckedValue,
    ControlCheck,
    Found,
    NamedBytes,
)
from service.store.control_new import NewAsked, NewControl
from tests.service.conftest import CONTROL, DATA, PREFIX, House

JSON = {"Accept": "application/json"}
BYTES = json.dumps(CONTROL).encode()
DIGEST = hashlib.sha256(BYTES).hexdigest()
DATA_DIGEST = hashlib.sha256(DATA).hexdigest()
GOOD = ControlCheck(True, "tate", True, 0, 0, (), ())


def sent(*contents: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("file", (f"file{number}", content)) for number, content in enumerate(contents)]


def worker(house: House, result: msgspec.Struct, asked: list[tasks.TaskFacts] | None = None) -> None:
    """From now on each task is answered so; `asked` takes the tasks."""

    def answer(task_id: str) -> None:
        claim = tasks.claim_task(house.db, task_id, 10_000)
        assert claim is not None
        if asked is not None:
            asked.append(claim.task)
        tasks.end_task(house.db, claim, result, failed=isinstance(result, tasks.TaskFailure))

    house.bell.answer = answer


def test_the_first_file_is_the_control_file_and_the_others_have_names(house: House) -> None:
    asked: list[tasks.TaskFacts] = []
    worker(house, GOOD, asked)
    form = {"name": ["data0", "more/x"], "rows": "5", "target": "other"}
    answer = house.client.post(f"{PREFIX}/control/check", data=form, files=sent(BYTES, DATA, b"[]"))
    assert [answer.status_code, answer.text.splitlines()[0]] == [200, "OK"]
    (task,) = asked
    assert [task.kind, task.target] == ["control-check", "other"]
    other = hashlib.sha256(b"[]").hexdigest()
    files = (NamedBytes("data0", DATA_DIGEST), NamedBytes("more/x", other))
    assert msgspec.json.decode(task.arguments, type=CheckAsked) == CheckAsked(DIGEST, files, 5)
    # The bytes are the key's now: asked about again, and used in a batch, by their digests.
    form = {"control": DIGEST, "name": "data0", "digest": DATA_DIGEST}
    assert house.client.post(f"{PREFIX}/control/check", data=form).status_code == 200
    assert msgspec.json.decode(asked[1].arguments, type=CheckAsked) == CheckAsked(DIGEST, files[:1], 100)
    assert asked[1].target == "tate"
    stranger = house.with_key("upload").post(f"{PREFIX}/control/check", data=form)
    assert [stranger.status_code, stranger.text] == [404, f"Control file not found: {DIGEST}\n"]
    assert house.client.post(f"{PREFIX}/batch", data={"control": DIGEST}).status_code == 200


def test_a_batch_is_checked_by_its_identifier_also_with_another_control_file(house: House) -> None:
    asked: list[tasks.TaskFacts] = []
    worker(house, GOOD, asked)
    batch = house.filled(target="other")
    assert house.client.post(f"{PREFIX}/control/check", data={"batch": batch}).status_code == 200
    corrected = BYTES + b"\n"
    form = {"batch": batch, "target": "tate"}
    assert house.client.post(f"{PREFIX}/control/check", data=form, files=sent(corrected)).status_code == 200
    files = (NamedBytes("data0", DATA_DIGEST),)
    assert [task.target for task in asked] == ["other", "tate"]
    assert [msgspec.json.decode(task.arguments, type=CheckAsked) for task in asked] == [
        CheckAsked(DIGEST, files),
        CheckAsked(hashlib.sha256(corrected).hexdigest(), files),
    ]


def test_problems_of_the_control_file_itself_are_told_at_once_and_nothing_is_kept(house: House) -> None:
    wrong = json.dumps({**CONTROL, "visibility": "pubic", "instructions": [{"action": "neu"}]}).encode()
    answer = house.client.post(
        f"{PREFIX}/control/check", data={"name": "data0"}, files=sent(wrong, DATA), headers=JSON
    )
    found = answer.json()
    assert [answer.status_code, found["ok"], found["resolved"]] == [200, False, False]
    assert len(found["problems"]) == found["problem_count"] >= 2
    assert {one["pointer"] for one in found["problems"]} >= {"/visibility", "/instructions/0/action"}
    assert house.bell.rung == []
    assert house.blob_files() == []


@pytest.mark.parametrize(
    ("form", "files", "status", "message"),
    [
        ({}, (), 400, "There is no control file: send it as the first file (-F file=@control.json), or"),
        ({"name": "data0"}, (BYTES,), 400, "There are 1 name and 0 file or digest"),
        ({}, (BYTES, DATA), 400, "There are 0 name and 1 file or digest"),
        ({"rows": "1001"}, (BYTES,), 400, 'rows is "1001": it must be int <= 1000'),
        ({"target": "omeca"}, (BYTES,), 400, 'target "omeca" is not configured. Configured: other, tate.'),
        ({"target": "omeca"}, (b"{}",), 400, 'target "omeca" is not configured. Configured: other, tate.'),
        ({"control": "0" * 64}, (), 404, "Control file not found: 000"),
        ({"batch": "nosuch"}, (BYTES,), 404, "Batch not found: nosuch"),
        ({}, (b"control.json",), 400, 'file is no control file but "control.json". With curl, a file needs'),
        ({"name": "data0", "digest": "0" * 64}, (BYTES,), 404, "File not found: 000"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(
    house: House, form: dict[str, str], files: tuple[bytes, ...], status: int, message: str
) -> None:
    answer = house.client.post(f"{PREFIX}/control/check", data=form, files=sent(*files) or None)
    assert answer.status_code == status
    assert answer.text.startswith(message)
    assert house.bell.rung == []


def test_a_batch_brings_its_own_files(house: House) -> None:
    form = {"batch": house.filled(), "name": "data0"}
    answer = house.client.post(f"{PREFIX}/control/check", data=form, files=sent(BYTES, DATA))
    assert [answer.status_code, answer.text] == [
        400,
        "batch: its files are the data; leave name, file and digest out.\n",
    ]


def test_a_control_file_over_its_own_limit_is_refused(make_house: Callable[..., House]) -> None:
    house = make_house(max_control_bytes=100)
    answer = house.client.post(f"{PREFIX}/control/check", files=sent(BYTES))
    assert answer.status_code == 413
    assert "ACCESSION_MAX_CONTROL_BYTES" in answer.text


def test_a_key_of_one_target_asks_about_that_one_only(house: House) -> None:
    client = house.with_key(target="other")
    answer = client.post(f"{PREFIX}/control/check", data={"target": "tate"}, files=sent(BYTES))
    assert [answer.status_code, answer.text] == [403, "This key may use the target other only.\n"]


def test_without_any_target_names_are_not_looked_up(make_house: Callable[..., House]) -> None:
    house = make_house(targets={}, default_target="")
    asked: list[tasks.TaskFacts] = []
    worker(house, GOOD, asked)
    assert house.client.post(f"{PREFIX}/control/check", files=sent(BYTES)).status_code == 200
    assert [task.target for task in asked] == [None]


def test_an_answer_to_come_is_read_by_the_key_that_asked(house: House) -> None:
    client = house.with_key("upload")
    pending = client.post(f"{PREFIX}/control/check", data={"wait": "0"}, files=sent(BYTES), headers=JSON)
    url = pending.headers["location"]
    assert [pending.status_code, pending.json()] == [
        202,
        {
            "task": url.rsplit("/", 1)[1],
            "url": url,
            "kind": "control-check",
            "message": "No worker has answered yet. Is one running? Ask again at the address below.",
        },
    ]
    claim = tasks.claim_task(house.db, pending.json()["task"], 10_000)
    assert claim is not None
    tasks.end_task(house.db, claim, GOOD)
    assert client.get(url, headers=JSON).json() == json.loads(msgspec.json.encode(GOOD))
    assert house.with_key("upload", "read").get(url).status_code == 404


@pytest.mark.parametrize(("cause", "status"), [("asked", 400), ("target", 502), ("worker", 502)])
def test_what_a_worker_could_not_do_is_an_error_with_its_reason(
    house: House, cause: tasks.Cause, status: int
) -> None:
    worker(house, tasks.TaskFailure("some-code", "It broke.", cause))
    for answer in (
        house.client.post(f"{PREFIX}/control/check", files=sent(BYTES), headers=JSON),
        house.client.post(f"{PREFIX}/control/new", files=sent(DATA), headers=JSON),
        house.client.get(f"{PREFIX}/targets/tate/model", headers=JSON),
    ):
        assert [answer.status_code, answer.json()["errors"]] == [
            status,
            [{"message": "It broke.", "code": "some-code"}],
        ]
    bad = house.client.post(f"{PREFIX}/targets/tate/check").text
    assert bad == "bad\nmessage: It broke.\ncode: some-code\n"
    kept = house.client.post(f"{PREFIX}/control", data={"target": "tate"}, files=sent(BYTES), headers=JSON)
    assert [kept.status_code, kept.json()["warnings"][0]["message"]] == [
        200,
        "The control file is kept, but its names were not looked up in tate: It broke.",
    ]


# --- a new one ------------------------------------------------------------------------------------


def test_a_new_control_file_is_the_document_as_text_and_has_notes_in_json(house: House) -> None:
    asked: list[tasks.TaskFacts] = []
    worker(house, NewControl('{"a": 1}\n', ("Read as UTF-8.",)), asked)
    files = {"file": ("C:\\My files\\artworks.csv", DATA)}
    answer = house.client.post(f"{PREFIX}/control/new", files=files)
    assert [answer.status_code, answer.text] == [200, '{"a": 1}\n']
    form = {"target": "other", "template": "Artwork", "digest": DATA_DIGEST, "name": "b", "reader": "json"}
    answer = house.client.post(f"{PREFIX}/control/new", data=form, headers=JSON)
    assert answer.json() == {"control": '{"a": 1}\n', "notes": ["Read as UTF-8."]}
    assert [task.target for task in asked] == ["tate", "other"]
    assert [msgspec.json.decode(task.arguments, type=NewAsked) for task in asked] == [
        NewAsked(NamedBytes("artworks.csv", DATA_DIGEST)),
        NewAsked(NamedBytes("b", DATA_DIGEST), "Artwork", "json", target_wanted=True),
    ]


@pytest.mark.parametrize(
    ("form", "files", "message"),
    [
        ({}, (), "There is nothing to start from: send a data file (-F file=@FILE), or name a template.\n"),
        ({}, (DATA, DATA), "There are 2 file or digest; send one data file.\n"),
        ({"target": "omeca"}, (DATA,), 'target "omeca" is not configured. Configured: other, tate.\n'),
        ({"name": "../x"}, (DATA,), 'name "../x" holds the segment “..”. Use a name without.\n'),
    ],
)
def test_a_new_one_needs_one_thing_to_start_from(
    house: House, form: dict[str, str], files: tuple[bytes, ...], message: str
) -> None:
    answer = house.client.post(f"{PREFIX}/control/new", data=form, files=sent(*files) or None)
    assert [answer.status_code, answer.text] == [400, message]
    assert house.bell.rung == []


def test_a_template_needs_a_target(make_house: Callable[..., House]) -> None:
    house = make_house(targets={}, default_target="")
    answer = house.client.post(f"{PREFIX}/control/new", data={"template": "Artwork"})
    assert [answer.status_code, answer.text] == [
        400,
        "target is missing: a template is one of a target.\n",
    ]


# --- as text --------------------------------------------------------------------------------------


def test_what_was_found_is_one_line_each_with_its_place() -> None:
    lines = {
        found_line(Found("c", "Is wrong.", "/match", "data0", 3, "x\ny")): (
            "data0 row 3: Is wrong. The value was: x\\ny [/match]"
        ),
        found_line(Found("c", "Is wrong.", "/match")): "/match: Is wrong.",
        found_line(Found("c", "line 3: /match: wrong.", "/match")): "line 3: /match: wrong.",
        found_line(Found("c", "data0, line 3: is no JSON.", file="data0")): "data0, line 3: is no JSON.",
        found_line(Found("c", "“x” is no date.", value="x")): "“x” is no date.",
    }
    assert list(lines) == list(lines.values())


def test_a_check_as_text_begins_and_ends_with_the_verdict() -> None:
    values = (
        CheckedValue("literal", "Ea\x1b[31mgle", language="en", public=False, annotations=2),
        CheckedValue("uri", uri="https://example.org", label="Example"),
        CheckedValue("resource", link="item:artist A12"),
        CheckedValue("literal", "x" * 500),
    )
    draft = CheckedDraft(
        "item",
        "load",
        ("dcterms:identifier",),
        ("A1",),
        properties=(CheckedProperty("dcterms:title", values, "append"), CheckedProperty("dcterms:date", ())),
    )
    bad = Found("c", "No.", "/instructions/0", "data0", 2, "v")
    rows = (
        CheckedRow(1, (draft,)),
        CheckedRow(2, problems=(bad,)),
        CheckedRow(3, skipped="Not wanted."),
        CheckedRow(4),
    )
    warning = Found("not-resolved", "Not looked up.")
    check = ControlCheck(
        False, None, False, 3, 1, (bad,), (warning,), (CheckedFile("data0", 4, False, ("As CSV.",), rows),)
    )
    assert check_text(check).splitlines() == [
        "PROBLEMS 3",
        "data0 row 2: No. The value was: v [/instructions/0]",
        "… and 2 more problems",
        "warning: Not looked up.",
        "",
        "data0: 4 rows were run.",
        "  As CSV.",
        "row 1:",
        "  load item (dcterms:identifier “A1”)",
        "    dcterms:title (append): “Ea\\x1b[31mgle” literal @en private +2 about it",
        "    dcterms:title (append): <https://example.org> “Example” uri",
        "    dcterms:title (append): → item:artist A12 resource",
        f"    dcterms:title (append): “{'x' * 119}…” literal",
        "    dcterms:date: no value",
        "row 2: rejected",
        "  problem: No. The value was: v [/instructions/0]",
        "row 3: skipped: Not wanted.",
        "row 4: becomes nothing",
        "",
        "PROBLEMS 3: correct them and check again.",
    ]


def test_a_model_as_text_has_a_line_each_thing() -> None:
    model = TargetModel(
        "omeka-s",
        "tate",
        (TargetVocabulary("dcterms", "Dublin\tCore", "http://x", (TargetProperty("dcterms:title", "T"),)),),
        (TargetTemplate("Art", "dctype:Image", (TemplateProperty("dcterms:title", required=True),)),),
        (TargetItemSet(3, "Prints"),),
        custom_vocabularies=(TargetCustomVocabulary(1, "Materials", uris=("http://wood",)),),
        left_out=("2 more item sets.",),
    )
    assert model_text(model).splitlines() == [
        "target\ttate\tomeka-s",
        "vocabulary\tdcterms\tDublin\\tCore\thttp://x",
        "property\tdcterms:title\tT",
        "template\tArt\tdctype:Image",
        "template-property\tArt\tdcterms:title\t\trequired",
        "item-set\t3\tPrints",
        "custom-vocabulary\tcustomvocab:Materials\t1",
        "term\tcustomvocab:Materials\thttp://wood",
        "left-out\t2 more item sets.",
    ]


def test_the_call_is_described_with_its_files(house: House) -> None:
    paths: dict[str, Any] = house.client.get("/openapi.json").json()["paths"]

    def form(path: str) -> Any:
        content = paths[f"{PREFIX}/{path}"]["post"]["requestBody"]["content"]
        return content["multipart/form-data"]["schema"]

    binary = {"type": "string", "format": "binary"}
    assert form("control/check")["properties"]["file"] == {"type": "array", "items": binary}
    assert form("control/new")["properties"]["file"] == binary
    assert [form(path).get("required") for path in ("control", "control/check", "control/new")] == [
        ["file"],
        None,
        None,
    ]
