"""A control file is asked about before anything runs: problems, drafts, what can be mapped to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from service.cli import app
from tests.acceptance.installation import CONTROL, PREFIX, Installation, rows, target_of
from tests.ports import free_port
from tests.standins.omeka_s import StandIn

pytestmark = pytest.mark.slow

WRONG: dict[str, Any] = {
    **CONTROL,
    "instructions": [
        {"action": "new", "destination": "item", "set": {"template": "Artwork", "class": "dctype:Imagee"}},
        {"source": "title", "name": "bibo:titel"},
        {"source": "title", "name": "dcterms:title"},
    ],
}
JSON = {"accept": "application/json"}


def check(
    accession: Installation, control: object, data: object = None, **fields: object
) -> tuple[str, dict[str, Any]]:
    """The same check asked for as text and as JSON."""
    files = [("file", ("control.json", _bytes(control)))]
    form = {name: str(value) for name, value in fields.items()}
    if data is not None:
        files.append(("file", ("data", _bytes(data))))
        form["name"] = "data0"
    answers = [
        accession.post("control/check", data=form, files=files, headers=headers) for headers in ({}, JSON)
    ]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    return answers[0].text, answers[1].json()


def _bytes(content: object) -> bytes:
    return content if isinstance(content, bytes) else json.dumps(content).encode()


def test_a_good_control_file_is_ok_and_shows_what_its_rows_become(
    accession: Installation, omeka: StandIn
) -> None:
    text, found = check(accession, CONTROL, rows(3), rows=2)
    assert text.splitlines() == [
        "OK",
        "target: omeka",
        "",
        "data0: 2 rows were run, and there are more.",
        "  Read as UTF-8.",
        "row 1:",
        "  item (dcterms:identifier “A00001”)",
        "    dcterms:title: “Work 1” literal",
        "    dcterms:identifier (append): “A00001” literal",
        "row 2:",
        "  item (dcterms:identifier “A00002”)",
        "    dcterms:title: “Work 2” literal",
        "    dcterms:identifier (append): “A00002” literal",
        "",
        "OK: nothing is wrong with the control file, its names in omeka and 2 rows."
        " What would be created or changed, a dry run tells.",
    ]
    assert [found["ok"], found["target"], found["resolved"], found["problems"]] == [True, "omeka", True, []]
    assert found["files"][0]["rows"][0]["drafts"][0]["properties"][0] == {
        "term": "dcterms:title",
        "values": [{"type": "literal", "text": "Work 1"}],
        "pointer": "/instructions/1",
    }
    # Neither the target nor any batch knows of it.
    assert omeka.requests()["writes"] == 0
    assert accession.ok(accession.get("batch")) == ""


def test_unknown_names_and_bad_rows_are_told_at_once(accession: Installation, omeka: StandIn) -> None:
    data = [{"acno": "A1", "title": "One"}, {"title": "No number"}]
    text, found = check(accession, WRONG, data)
    lines = text.splitlines()
    assert lines[0] == f"PROBLEMS {found['problem_count']}"
    assert lines[-1] == f"PROBLEMS {found['problem_count']}: correct them and check again."
    places = [(one["code"], one.get("pointer"), one.get("row")) for one in found["problems"]]
    assert places == [
        ("names-unknown", "/instructions/1", None),
        ("names-unknown", "/instructions/0/set/class", None),
        ("names-unknown", "/instructions/0/set/template", None),
        ("identity-missing", "/instructions/0", 2),
    ]
    named = " ".join(one["message"] for one in found["problems"])
    for name in ("bibo:titel", "Artwork", "dctype:Image”"):
        assert name in named
    # A row that only meets those names shows what it becomes; the other says why it does not.
    first, second = found["files"][0]["rows"]
    assert [first["drafts"][0]["identity"], "problems" in first] == [["A1"], False]
    assert ["drafts" in second, second["problems"][0]["code"]] == [False, "identity-missing"]
    assert omeka.requests()["writes"] == 0


def test_a_run_refuses_the_same_names_in_the_same_words(accession: Installation) -> None:
    _, found = check(accession, WRONG)
    batch = accession.batch(WRONG, {"data0": _bytes(rows(1))})
    assert accession.run(batch) == "failed"
    reason = accession.facts(batch)["runs"][0]["reason"]
    assert reason.splitlines() == [f"{one['pointer']}: {one['message']}" for one in found["problems"]]


def test_what_cannot_be_parsed_is_told_without_asking_anybody(
    accession: Installation, omeka: StandIn
) -> None:
    text, found = check(accession, {"model": "omeka", "instructions": [{"action": "neu"}]}, rows(1))
    assert [text.splitlines()[0], found["ok"], found["files"]] == [
        f"PROBLEMS {found['problem_count']}",
        False,
        [],
    ]
    assert all(one["code"].startswith("control-") for one in found["problems"])
    assert omeka.requests()["total"] == 0


def test_a_target_that_is_down_is_a_problem_and_the_rows_are_run_all_the_same(
    accession: Installation, omeka: StandIn
) -> None:
    omeka.knobs(database_down=True)
    text, found = check(accession, CONTROL, rows(1))
    assert [text.splitlines()[0], found["resolved"]] == ["PROBLEMS 1", False]
    assert found["problems"][0]["code"] == "target-down"
    assert len(found["files"][0]["rows"]) == 1


def test_a_file_that_cannot_be_read_or_is_not_expected(accession: Installation) -> None:
    _, found = check(accession, CONTROL, b"acno,title\nA1,One\n")
    assert [(one["file"], one["code"]) for one in found["problems"]] == [("data0", "json-malformed")]
    form = {"name": "data9"}
    files = [("file", ("c", _bytes(CONTROL))), ("file", ("d", b"[]"))]
    other = accession.post("control/check", data=form, files=files, headers=JSON).json()
    assert [(one["file"], one["code"]) for one in other["problems"]] == [("data9", "file-not-expected")]
    assert [one["code"] for one in other["warnings"]] == ["file-missing"]


def test_a_batch_is_checked_with_its_own_files(accession: Installation) -> None:
    batch = accession.batch(CONTROL, {"data0": _bytes(rows(2))})
    answer = accession.post("control/check", data={"batch": batch})
    lines = accession.ok(answer).splitlines()
    assert lines[:4] == ["OK", "target: omeka", "", "data0: 2 rows were run."]
    assert "  item (dcterms:identifier “A00002”)" in lines


def test_a_control_file_for_a_target_has_its_names_looked_up_there(
    accession: Installation, omeka: StandIn
) -> None:
    def bring(control: object) -> Any:
        return accession.post(
            "control", data={"target": "omeka"}, files={"file": ("c", _bytes(control))}, headers=JSON
        )

    refused = bring(WRONG)
    assert refused.status_code == 400
    assert [(one["code"], one["pointer"]) for one in refused.json()["errors"]] == [
        ("names-unknown", "/instructions/1"),
        ("names-unknown", "/instructions/0/set/class"),
        ("names-unknown", "/instructions/0/set/template"),
    ]
    assert refused.json()["detail"].splitlines()[0].startswith("/instructions/1: There is no property")
    omeka.knobs(database_down=True)
    kept = bring(WRONG)
    assert [kept.status_code, [one["code"] for one in kept.json()["warnings"]]] == [200, ["not-resolved"]]
    omeka.knobs(database_down=False)
    good = bring(CONTROL)
    assert [good.status_code, good.json()["warnings"]] == [200, []]


def test_the_model_of_a_target_lists_what_can_be_mapped_to(accession: Installation, omeka: StandIn) -> None:
    omeka.knobs(modules=["CustomVocab", "NumericDataTypes"])
    omeka.seed(
        custom_vocabs=[{"o:label": "Materials", "o:terms": ["oil", "wood"]}],
        item_sets=[{"dcterms:title": [{"type": "literal", "property_id": 1, "@value": "Prints"}]}],
        resource_templates=[
            {
                "o:label": "Artwork",
                "o:resource_class": {"o:id": 26},
                "o:resource_template_property": [
                    {
                        "o:property": {"o:id": 1},
                        "o:alternate_label": "Name",
                        "o:is_required": True,
                        "o:data_type": ["literal"],
                    }
                ],
            }
        ],
    )
    model = accession.client.get(f"{PREFIX}/targets/omeka/model", headers=JSON).json()
    assert [model["kind"], model["name"]] == ["omeka-s", "omeka"]
    assert [one["prefix"] for one in model["vocabularies"]] == ["dcterms", "dctype", "bibo", "foaf"]
    title = model["vocabularies"][0]["properties"][0]
    assert [title["term"], title["label"]] == ["dcterms:title", "Title"]
    template = model["templates"][-1]
    assert [template["label"], template["properties"]] == [
        "Artwork",
        [{"term": "dcterms:title", "label": "Name", "required": True, "data_types": ["literal"]}],
    ]
    assert [one["title"] for one in model["item_sets"]] == ["Prints"]
    assert [[one["label"], one["terms"]] for one in model["custom_vocabularies"]] == [
        ["Materials", ["oil", "wood"]]
    ]
    assert {"literal", "numeric:timestamp"} <= {one["name"] for one in model["data_types"]}
    lines = accession.ok(accession.get("targets/omeka/model")).splitlines()
    assert "property\tdcterms:title\tTitle" in lines
    assert "template-property\tArtwork\tdcterms:title\tName\trequired, literal" in lines
    assert "term\tcustomvocab:Materials\toil" in lines
    omeka.knobs(database_down=True)
    down = accession.client.get(f"{PREFIX}/targets/omeka/model", headers=JSON)
    assert [down.status_code, down.json()["errors"][0]["code"]] == [502, "target-down"]


def test_a_key_without_rights_is_told_so_and_no_secret_with_it(tmp_path: Path, omeka: StandIn) -> None:
    wrong = {**target_of(omeka), "key_credential": "wrong"}
    nowhere = {**target_of(omeka), "url": f"http://127.0.0.1:{free_port()}"}
    with Installation(tmp_path / "a", {"omeka": wrong, "nowhere": nowhere}) as accession:
        accession.start()
        _, found = check(accession, CONTROL, target="omeka")
        assert [one["code"] for one in found["problems"]] == ["target-key-refused"]
        text, found = check(accession, CONTROL, target="nowhere")
        assert [one["code"] for one in found["problems"]] == ["target-unreachable"]
        assert omeka.key_identity not in text


def test_a_control_file_is_made_from_data_and_passes_the_check_once_decided(
    accession: Installation, omeka: StandIn
) -> None:
    data = b"Accession no.,Title,Artist\nA1,Eagle,Ann\nA2,Owl,Bob\n"

    def new(**fields: str) -> Any:
        return accession.post(
            "control/new", data=fields, files={"file": ("artworks.csv", data)}, headers=JSON
        ).json()

    made = new(target="omeka")
    control = json.loads(made["control"])
    assert [control["dataImportControlFileVersion"], control["target"]] == [1, "omeka"]
    named = {one.get("name") for one in control["instructions"]}
    assert {"dcterms:title", "dcterms:creator"} <= named
    name = next(iter(control["files"]))
    form = {"name": name}
    files = [("file", ("c", made["control"].encode())), ("file", ("artworks.csv", data))]
    text = accession.ok(accession.post("control/check", data=form, files=files))
    # What it is not sure of is a TODO, and nothing but these keeps the check from being content.
    todo = "TODO" in made["control"]
    assert text.splitlines()[0].startswith("PROBLEMS" if todo else "OK"), text
    plain = accession.post("control/new", files={"file": ("artworks.csv", data)})
    assert json.loads(accession.ok(plain))["files"] == control["files"]
    missing = accession.post("control/new", data={"template": "No such"}, headers=JSON)
    assert [missing.status_code, missing.json()["errors"][0]["code"]] == [400, "unknown-template"]
    omeka.knobs(database_down=True)
    assert new(target="omeka")["status"] == 502
    without = new()
    assert "could not be asked" in without["notes"][0]
    assert json.loads(without["control"])["files"] == control["files"]


# --- from a shell ---------------------------------------------------------------------------------


@pytest.fixture
def shell_home(accession: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(accession.folder)
    for name, value in accession.environment.items():
        if name.startswith("ACCESSION_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("ACCESSION_KEY", accession.key)
    yield accession.folder


def shell(*words: str) -> Result:
    done = CliRunner().invoke(app, list(words))
    assert "Traceback" not in done.output
    return done


def test_a_shell_knows_by_the_exit_code(shell_home: Path) -> None:
    (shell_home / "good.json").write_bytes(_bytes(CONTROL))
    (shell_home / "wrong.json").write_bytes(_bytes(WRONG))
    (shell_home / "data.json").write_bytes(_bytes(rows(2)))
    done = shell("check", "good.json", "--target", "omeka", "--data", "data0=data.json", "--rows", "1")
    assert (done.exit_code, done.stdout.splitlines()[0]) == (0, "OK"), done.output
    assert "data0: 1 row was run, and there are more." in done.stdout
    done = shell("check", "wrong.json")
    assert (done.exit_code, done.stdout.splitlines()[0]) == (1, "PROBLEMS 3")
    done = shell("check", "good.json", "--data", "data0")
    assert (done.exit_code, done.stderr) == (
        1,
        "--data data0: write it as NAME=PATH, for example data0=artworks.json.\n",
    )
    made = shell("control", "new", "--data", "data.json", "-o", "new.json")
    assert (made.exit_code, made.stdout) == (0, ""), made.output
    assert json.loads((shell_home / "new.json").read_text(encoding="utf-8"))["files"]
    again = shell("control", "new", "--data", "data.json", "-o", "new.json")
    assert (again.exit_code, again.stderr) == (
        1,
        "new.json exists and is kept. Write to another file, or move it away.\n",
    )
    listed = shell("targets", "model")
    assert (listed.exit_code, "property\tdcterms:title\tTitle" in listed.stdout) == (0, True)
