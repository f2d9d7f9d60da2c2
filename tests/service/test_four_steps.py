"""The four steps of a script, each as the script's author meets it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from service.store.runs import run_facts
from tests.service.conftest import CONTROL, DATA, PREFIX, UNMATCHED, House

JSON = {"Accept": "application/json"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_the_four_steps_print_bare_values_for_a_script(house: House) -> None:
    control = json.dumps(CONTROL).encode()
    first = house.client.post(f"{PREFIX}/control", files={"file": ("control.json", control)})
    second = house.client.post(f"{PREFIX}/batch", data={"control": first.text})
    third = house.client.post(
        f"{PREFIX}/file", data={"batch": second.text, "name": "data0"}, files={"file": ("d.json", DATA)}
    )
    fourth = house.client.post(f"{PREFIX}/schedule", data={"batch": second.text})
    assert [one.status_code for one in (first, second, third, fourth)] == [200, 200, 200, 200]
    assert {one.headers["content-type"] for one in (first, second, third, fourth)} == {
        "text/plain; charset=utf-8"
    }
    assert first.text == sha256(control)
    assert len(second.text) == 26
    assert third.text == sha256(DATA)
    assert fourth.text == "SCHEDULED"


def test_the_same_facts_are_had_as_json(house: House) -> None:
    control = json.dumps(CONTROL).encode()
    first = house.client.post(
        f"{PREFIX}/control", files={"file": ("c.json", control)}, data={"comment": "Tate"}, headers=JSON
    ).json()
    assert first == {"digest": sha256(control), "size": len(control), "comment": "Tate", "warnings": []}
    second = house.client.post(f"{PREFIX}/batch", data={"control": first["digest"]}, headers=JSON).json()
    assert second == {
        "batch": second["batch"],
        "url": f"http://testserver{PREFIX}/batch/{second['batch']}",
        "target": "tate",
        "control": sha256(control),
        "comment": "Unnamed batch",
        "files": [
            {"name": "data0", "reader": "json", "required": True},
            {"name": "more/*", "reader": "json", "required": False},
        ],
    }
    third = house.client.post(
        f"{PREFIX}/file",
        data={"batch": second["batch"], "name": "data0"},
        files={"file": ("d.json", DATA)},
        headers=JSON,
    ).json()
    assert third == {
        "batch": second["batch"],
        "files": [
            {
                "name": "data0",
                "digest": sha256(DATA),
                "size": len(DATA),
                "filename": "d.json",
                "deduplicated": False,
            }
        ],
    }
    fourth = house.client.post(
        f"{PREFIX}/schedule", data={"batch": second["batch"], "mode": "dry-run"}, headers=JSON
    ).json()
    where = f"http://testserver{PREFIX}/batch/{second['batch']}"
    assert fourth == {
        "run": fourth["run"],
        "batch": second["batch"],
        "mode": "dry-run",
        "url": where,
        "log": f"{where}/log?run={fourth['run']}",
        "state": "SCHEDULED",
    }


def test_either_form_encoding_is_taken_at_every_step(house: House) -> None:
    digest = house.client.post(f"{PREFIX}/control", data={"file": json.dumps(CONTROL)}).text
    assert digest == sha256(json.dumps(CONTROL).encode())
    batch = house.client.post(f"{PREFIX}/batch", files={"control": (None, digest)}).text
    assert len(batch) == 26
    fields = {"batch": batch, "name": "data0", "file": DATA.decode()}
    assert house.client.post(f"{PREFIX}/file", data=fields).text == sha256(DATA)
    answer = house.client.post(
        f"{PREFIX}/schedule", files={"batch": (None, batch), "mode": (None, "dry-run")}
    )
    assert answer.text == "SCHEDULED"


# --- control ------------------------------------------------------------------------------------


def test_every_problem_of_a_control_file_is_told_at_once_and_nothing_is_kept(house: House) -> None:
    wrong = {
        "dataImportControlFileVersion": 1,
        "model": "omeka",
        "files": {"data0": {"read": "jsn"}},
        "instructions": [
            {"action": "neww", "destination": "item"},
            {"source": "title", "name": "dcterms:titel"},
        ],
    }
    body = json.dumps(wrong).encode()
    answer = house.client.post(f"{PREFIX}/control", files={"file": ("c.json", body)})
    assert answer.status_code == 400
    lines = answer.text.splitlines()
    assert len(lines) >= 3
    assert any("/files/data0/read" in line for line in lines)
    assert any("/instructions/0" in line for line in lines)
    assert any("dcterms:title" in line for line in lines)
    problem = house.client.post(f"{PREFIX}/control", files={"file": ("c.json", body)}, headers=JSON)
    assert problem.headers["content-type"] == "application/problem+json"
    document = problem.json()
    assert [document["type"], document["title"], document["status"]] == ["about:blank", "Bad Request", 400]
    assert document["detail"].splitlines() == lines
    assert {one["parameter"] for one in document["errors"]} == {"file"}
    assert "/files/data0/read" in [one["pointer"] for one in document["errors"]]
    assert house.blob_files() == []


def test_a_forgotten_at_sign_is_explained(house: House) -> None:
    answer = house.client.post(f"{PREFIX}/control", data={"file": "control.json"})
    assert answer.status_code == 400
    assert answer.text == (
        'file is no control file but "control.json". With curl, a file needs an @: -F file=@NAME\n'
    )


def test_a_missing_control_file_is_named(house: House) -> None:
    answer = house.client.post(f"{PREFIX}/control", data={"comment": "x"})
    assert [answer.status_code, answer.text] == [
        400,
        "file is given 0 times; send one control file: -F file=@control.json\n",
    ]


def test_the_target_of_a_control_file_must_be_configured(house: House) -> None:
    body = json.dumps(CONTROL).encode()
    wrong = house.client.post(f"{PREFIX}/control", files={"file": ("c", body)}, data={"target": "omeca"})
    assert [wrong.status_code, wrong.text] == [
        400,
        'target "omeca" is not configured. Configured: other, tate.\n',
    ]
    right = house.client.post(
        f"{PREFIX}/control",
        files={"file": ("c", body)},
        data={"target": "tate", "wait": "0"},
        headers=JSON,
    )
    (warning,) = right.json()["warnings"]
    assert warning["code"] == "not-resolved"
    assert "no worker answered within 0 s" in warning["message"]


def test_a_control_file_over_the_limit_is_refused_by_the_settings_name(make_house: Any) -> None:
    house = make_house(max_control_bytes=100)
    answer = house.client.post(f"{PREFIX}/control", files={"file": ("c.json", b"{" + b" " * 200)})
    assert answer.status_code == 413
    assert "100 bytes (ACCESSION_MAX_CONTROL_BYTES)" in answer.text
    assert house.blob_files() == []


# --- batch --------------------------------------------------------------------------------------


def test_a_batch_takes_a_saved_control_file_by_its_comment_the_newest_first(house: House) -> None:
    bodies = [json.dumps({**CONTROL, "comment": text}).encode() for text in ("old", "new")]
    for body in bodies:
        house.client.post(f"{PREFIX}/control", files={"file": ("c", body)}, data={"comment": "The map"})
    answer = house.client.post(f"{PREFIX}/batch", data={"control": "The map"}, headers=JSON)
    assert answer.json()["control"] == sha256(bodies[1])


@pytest.mark.parametrize(
    ("control", "message"),
    [
        ("", "control is empty, not a digest, nor the comment of a saved control file; the call before it"),
        (
            "There is nothing at\n/nowhere",
            "control is not a digest, nor the comment of a saved control file; the first call probably"
            ' failed. It begins: "There is nothing at�/nowhere"',
        ),
        ("x" * 5000, "control is not a digest"),
        ("\x00", "control is not a digest"),
    ],
)
def test_what_is_no_digest_is_told_with_its_beginning(house: House, control: str, message: str) -> None:
    answer = house.client.post(f"{PREFIX}/batch", data={"control": control})
    assert answer.status_code == 400
    assert answer.text.startswith(message)
    assert len(answer.text.splitlines()) == 1


def test_an_unknown_digest_is_not_found(house: House) -> None:
    answer = house.client.post(f"{PREFIX}/batch", data={"control": "0" * 64})
    assert [answer.status_code, answer.text] == [404, f"Control file not found: {'0' * 64}\n"]


def test_bytes_that_are_no_control_file_make_no_batch(house: House) -> None:
    batch = house.batch()
    data = b"[1, 2]"
    house.client.post(f"{PREFIX}/file", data={"batch": batch, "name": "data0"}, files={"file": ("d", data)})
    answer = house.client.post(f"{PREFIX}/batch", data={"control": sha256(data)})
    assert answer.status_code == 400


def test_a_batch_names_its_target_or_takes_the_default(house: House) -> None:
    control = house.control()
    explicit = house.client.post(
        f"{PREFIX}/batch", data={"control": control, "target": "other"}, headers=JSON
    )
    assert explicit.json()["target"] == "other"
    named = house.control({**CONTROL, "target": "other"})
    of_control = house.client.post(f"{PREFIX}/batch", data={"control": named}, headers=JSON)
    assert of_control.json()["target"] == "other"
    unknown = house.client.post(f"{PREFIX}/batch", data={"control": control, "target": "x"})
    assert [unknown.status_code, unknown.text] == [
        400,
        'target "x" is not configured. Configured: other, tate.\n',
    ]


def test_a_batch_without_any_target_asks_for_one(make_house: Any) -> None:
    house = make_house(default_target="")
    answer = house.client.post(f"{PREFIX}/batch", data={"control": house.control()})
    assert answer.status_code == 400
    assert answer.text == (
        "target is missing: neither the control file nor the settings name one. Configured: other, tate.\n"
    )


def test_a_batch_may_correct_another_of_its_target(house: House) -> None:
    first = house.batch()
    control = house.control()
    second = house.client.post(f"{PREFIX}/batch", data={"control": control, "corrects": first}).text
    status = house.client.get(f"{PREFIX}/batch/{second}", headers=JSON).json()
    assert status["corrects"] == first
    elsewhere = house.client.post(
        f"{PREFIX}/batch", data={"control": control, "corrects": first, "target": "other"}
    )
    assert elsewhere.status_code == 400
    unknown = house.client.post(f"{PREFIX}/batch", data={"control": control, "corrects": "nobatch"})
    assert [unknown.status_code, unknown.text] == [404, "Batch not found: nobatch\n"]


# --- file ---------------------------------------------------------------------------------------


def upload(house: House, batch: str, name: str = "data0", data: bytes = DATA, **fields: str) -> Any:
    return house.client.post(
        f"{PREFIX}/file", data={"batch": batch, "name": name, **fields}, files={"file": ("d.json", data)}
    )


def test_the_same_name_takes_the_same_bytes_again_and_others_only_by_replace(house: House) -> None:
    batch = house.batch()
    assert upload(house, batch).status_code == 200
    assert upload(house, batch).text == sha256(DATA)
    other = upload(house, batch, data=b"[]")
    assert other.status_code == 409
    assert other.text.startswith('name: the batch has other bytes under "data0". Send replace=true')
    assert upload(house, batch, data=b"[]", replace="true").text == sha256(b"[]")
    files = house.client.get(f"{PREFIX}/batch/{batch}", headers=JSON).json()["files"]
    assert [(one["name"], one["digest"], one["by"]) for one in files] == [("data0", sha256(b"[]"), "tests")]


def test_bytes_are_kept_once_whoever_uploads_them(house: House) -> None:
    first, second = house.batch(), house.batch()
    upload(house, first)
    again = house.client.post(
        f"{PREFIX}/file",
        data={"batch": second, "name": "data0"},
        files={"file": ("x", DATA)},
        headers=JSON,
    ).json()
    assert again["files"][0]["deduplicated"] is True
    assert len([path for path in house.blob_files() if path.endswith(sha256(DATA))]) == 1


def test_several_pairs_go_in_one_request_all_or_none(house: House) -> None:
    batch = house.batch()
    parts = [
        ("batch", (None, batch)),
        ("name", (None, "data0")),
        ("file", ("a.json", b"[1]")),
        ("name", (None, "more/b")),
        ("file", ("b.json", b"[2]")),
    ]
    answer = house.client.post(f"{PREFIX}/file", files=parts)
    assert answer.text == f"{sha256(b'[1]')}\n{sha256(b'[2]')}"
    unexpected = [*parts, ("name", (None, "stray")), ("file", ("c", b"[3]"))]
    before = house.blob_files()
    answer = house.client.post(f"{PREFIX}/file", files=unexpected)
    assert answer.status_code == 400
    assert answer.text == (
        'name "stray" is not expected: the control file takes data0, more/*. Correct the name, or the control'
        " file.\n"
    )
    assert house.blob_files() == before


def test_a_name_without_a_file_and_a_file_without_a_name_are_refused(house: House) -> None:
    batch = house.batch()
    lonely = house.client.post(f"{PREFIX}/file", data={"batch": batch, "name": "data0"})
    assert lonely.status_code == 400
    assert lonely.text.startswith("There are 1 name and 0 file or digest")
    nameless = house.client.post(f"{PREFIX}/file", data={"batch": batch}, files={"file": ("d", b"[]")})
    assert nameless.status_code == 400
    assert nameless.text.startswith("There are 0 name and 1 file or digest")
    assert sha256(b"[]") not in "".join(house.blob_files())


def test_a_digest_stands_for_bytes_that_the_service_holds(house: House) -> None:
    first, second = house.filled(), house.batch()
    answer = house.client.post(
        f"{PREFIX}/file", data={"batch": second, "name": "data0", "digest": sha256(DATA)}
    )
    assert answer.text == sha256(DATA)
    unknown = house.client.post(
        f"{PREFIX}/file", data={"batch": second, "name": "more/x", "digest": "1" * 64}
    )
    assert [unknown.status_code, unknown.text] == [
        404,
        f"File not found: {'1' * 64}. Upload it: -F name=more/x -F file=@FILE\n",
    ]
    failed = house.client.post(f"{PREFIX}/file", data={"batch": second, "name": "more/x", "digest": "oops"})
    assert [failed.status_code, failed.text] == [
        400,
        'digest is not a digest; the first call probably failed. It begins: "oops"\n',
    ]
    assert first != second


@pytest.mark.parametrize(
    "name",
    ["", "x" * 256, "a\x00b", "a\nb", "../data0", "a/../b", "a\\..\\b", "more/\u2028"],
)
def test_a_name_that_can_be_none_is_refused(house: House, name: str) -> None:
    answer = upload(house, house.batch(), name=name)
    assert answer.status_code == 400
    assert answer.text.startswith("name ")
    assert len(answer.text.splitlines()) == 1


def test_a_name_is_compared_in_its_composed_form(house: House) -> None:
    batch = house.batch({**CONTROL, "files": {"caf\u00e9": {"read": "json"}}})
    assert upload(house, batch, name="cafe\u0301").status_code == 200
    files = house.client.get(f"{PREFIX}/batch/{batch}", headers=JSON).json()["files"]
    assert files[0]["name"] == "caf\u00e9"


def test_an_unknown_batch_takes_no_file(house: House) -> None:
    answer = upload(house, "0" * 26)
    assert [answer.status_code, answer.text] == [404, f"Batch not found: {'0' * 26}\n"]
    assert house.blob_files() == []
    empty = upload(house, "")
    assert empty.status_code == 400
    assert empty.text.startswith("batch is empty, not a batch identifier; the call before it probably failed")


def test_a_batch_with_an_active_run_takes_no_file(house: House) -> None:
    batch = house.filled()
    house.schedule(batch, "dry-run")
    answer = upload(house, batch, name="more/x")
    assert [answer.status_code, answer.text] == [
        409,
        "batch: this batch takes no files: it is scheduled, a run is active. Make a new batch.\n",
    ]


def test_a_batch_takes_files_after_a_dry_run_and_not_after_a_write(house: House) -> None:
    batch = house.filled()
    house.finish(house.schedule(batch, "dry-run"))
    assert upload(house, batch, name="more/x").status_code == 200
    run = house.schedule(batch)
    house.wrote(run)
    house.finish(run)
    answer = upload(house, batch, name="more/y")
    assert [answer.status_code, answer.text] == [
        409,
        "batch: this batch takes no files: it is complete, it has written to its target. Make a new batch.\n",
    ]


def test_a_file_over_the_limit_is_refused_by_the_settings_name(make_house: Any) -> None:
    house = make_house(max_upload_bytes=1000)
    batch = house.batch()
    before = house.blob_files()
    answer = upload(house, batch, data=b"x" * 1001)
    assert answer.status_code == 413
    assert answer.text == (
        "file: d.json is larger than 1,000 bytes (ACCESSION_MAX_UPLOAD_BYTES). Split it, or have the setting"
        " raised. Nothing was kept.\n"
    )
    assert house.blob_files() == before
    assert upload(house, batch, data=b"x" * 1000).status_code == 200


# --- schedule -----------------------------------------------------------------------------------


def test_a_scheduled_run_is_recorded_with_its_key_before_anybody_rings(house: House) -> None:
    batch = house.filled()
    run_id = house.schedule(batch, "dry-run")
    run = run_facts(house.db, run_id)
    assert run is not None
    assert (run.batch_id, run.mode, run.state, run.key_id) == (
        batch,
        "dry-run",
        "scheduled",
        house.key.key.id,
    )
    assert house.bell.rung == [("run", run_id)]


def test_whoever_is_rung_for_finds_the_run_in_the_database(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[object] = []

    async def ring(run_id: str) -> None:
        found.append(run_facts(house.db, run_id))

    monkeypatch.setattr(house.bell, "ring_run", ring)
    run_id = house.schedule(house.filled(), "dry-run")
    assert found == [run_facts(house.db, run_id)] != [None]


def test_a_misspelt_mode_or_parameter_never_imports(house: House) -> None:
    batch = house.filled()
    wrong_mode = house.client.post(f"{PREFIX}/schedule", data={"batch": batch, "mode": "dryrun"})
    assert [wrong_mode.status_code, wrong_mode.text] == [
        400,
        'mode is "dryrun": not one of its values. import (also when left out); dry-run: a plan and no write;'
        " retry: the records again that were rejected, failed or are uncertain; undo: take back what the"
        " batch did.\n",
    ]
    wrong_name = house.client.post(f"{PREFIX}/schedule", data={"batch": batch, "moed": "dry-run"})
    assert wrong_name.status_code == 400
    assert wrong_name.text.startswith('"moed" is no parameter of POST schedule. Did you mean mode?')
    in_the_url = house.client.post(f"{PREFIX}/schedule?mode=dry-run", data={"batch": batch})
    assert in_the_url.status_code == 400
    twice = house.client.post(f"{PREFIX}/schedule", data={"batch": batch, "mode": ["dry-run", "import"]})
    assert [twice.status_code, twice.text] == [400, "mode is given 2 times; give it once.\n"]
    assert house.bell.rung == []


@pytest.mark.parametrize(
    ("fields", "status", "code", "parameter"),
    [
        ({"mode": "retry"}, 409, "nothing-to-retry", "mode"),
        ({"mode": "undo"}, 409, "nothing-to-undo", "mode"),
        ({"mode": "undo", "dry-run": "true"}, 409, "nothing-to-undo", "mode"),
        ({"dry-run": "true"}, 400, "parameter-invalid", "dry-run"),
        ({"plan": "x"}, 404, "plan-unknown", "plan"),
        ({"plan": "x", "mode": "dry-run"}, 400, "parameter-invalid", "plan"),
        ({"plan": "x", "only": "row:1-2"}, 400, "parameter-invalid", "plan"),
        ({"maxRemovals": "some"}, 400, "parameter-invalid", "maxRemovals"),
        ({"limit": "0"}, 400, "parameter-invalid", "limit"),
        ({"only": "rows 1 to 3"}, 400, "parameter-invalid", "only"),
    ],
)
def test_what_cannot_be_done_now_is_refused_rather_than_overlooked(
    house: House, fields: dict[str, str], status: int, code: str, parameter: str
) -> None:
    answer = house.client.post(f"{PREFIX}/schedule", data={"batch": house.filled(), **fields}, headers=JSON)
    assert answer.status_code == status
    (problem,) = answer.json()["errors"]
    assert (problem["code"], problem["parameter"]) == (code, parameter)
    assert house.bell.rung == []


@pytest.mark.parametrize("given", ["some", "101%", "-1", "1.5", "10 %%"])
def test_a_limit_of_errors_that_is_none_is_refused(house: House, given: str) -> None:
    answer = house.client.post(f"{PREFIX}/schedule", data={"batch": house.filled(), "maxErrors": given})
    assert answer.status_code == 400
    assert "maxErrors must be a number such as 20 or a share such as 10%" in answer.text
    assert house.bell.rung == []


def test_a_required_file_that_is_missing_is_named(house: House) -> None:
    batch = house.batch()
    upload(house, batch, name="more/x")
    answer = house.client.post(f"{PREFIX}/schedule", data={"batch": batch})
    assert [answer.status_code, answer.text] == [
        400,
        'The file "data0" is missing: the control file requires it. Upload it:'
        f" -F batch={batch} -F name=data0 -F file=@FILE\n",
    ]


def test_a_batch_without_any_file_is_not_imported_as_nothing(house: House) -> None:
    optional = {**CONTROL, "files": {"data0": {"read": "json", "required": False}}}
    answer = house.client.post(f"{PREFIX}/schedule", data={"batch": house.batch(optional)})
    assert answer.status_code == 400
    assert answer.text.startswith("The batch has no files: the upload before this call probably failed")


def test_one_run_of_a_batch_is_active_at_a_time(house: House) -> None:
    batch = house.filled()
    run = house.schedule(batch, "dry-run")
    answer = house.client.post(f"{PREFIX}/schedule", data={"batch": batch})
    assert [answer.status_code, answer.text] == [
        409,
        f"batch: the batch has an active run ({run}, dry-run, scheduled). Wait for its end"
        " (GET batch/ID?wait=60) or cancel it (POST batch/ID/cancel).\n",
    ]


def test_a_batch_is_imported_after_its_dry_run_without_uploading_again(house: House) -> None:
    batch = house.filled()
    house.finish(house.schedule(batch, "dry-run"))
    assert house.client.get(f"{PREFIX}/batch/{batch}").text.splitlines()[0] == "dry-run"
    house.schedule(batch)
    assert house.client.get(f"{PREFIX}/batch/{batch}").text.splitlines()[0] == "scheduled"


def test_an_applied_batch_is_imported_again_only_if_everything_has_a_match(house: House) -> None:
    matched, unmatched = house.filled(), house.filled(UNMATCHED)
    for batch in (matched, unmatched):
        run = house.schedule(batch)
        house.wrote(run)
        house.finish(run)
    house.schedule(matched)
    answer = house.client.post(f"{PREFIX}/schedule", data={"batch": unmatched})
    assert answer.status_code == 409
    assert answer.text == (
        "batch: the batch is complete and has written to its target. Importing it again would create"
        " everything twice: the control file has no match for item. Add one and make a new batch, or look"
        " first: mode=dry-run.\n"
    )
    house.schedule(unmatched, "dry-run")


def test_an_unknown_batch_is_not_scheduled(house: House) -> None:
    answer = house.client.post(f"{PREFIX}/schedule", data={"batch": "1" * 26})
    assert [answer.status_code, answer.text] == [404, f"Batch not found: {'1' * 26}\n"]
    failed = house.client.post(f"{PREFIX}/schedule", data={"batch": "Batch not\nfound é"})
    assert failed.status_code == 400
    assert failed.text.startswith("batch is not a batch identifier; the first call probably failed.")
