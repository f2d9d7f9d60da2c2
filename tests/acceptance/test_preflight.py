"""A target that is not fit for the run ends it before anything is written, and says why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.installation import CONTROL, Installation, rows, target_of
from tests.ports import free_port
from tests.standins.omeka_s import StandIn

DATA = json.dumps(rows(3)).encode()


def failed_run(accession: Installation) -> dict[str, object]:
    batch = accession.batch(CONTROL, {"data0": DATA})
    assert accession.run(batch) == "failed", accession.log(batch)
    run: dict[str, object] = accession.facts(batch)["runs"][0]
    assert str(run["reason"]) in accession.log(batch)
    return run


def test_a_wrong_key_is_noticed_although_the_target_answers_200(tmp_path: Path, omeka: StandIn) -> None:
    wrong = {**target_of(omeka), "key_credential": "wrong"}
    with Installation(tmp_path / "a", {"omeka": wrong}) as accession:
        run = failed_run(accession.start())
        assert run["code"] == "target-key-refused"
        assert omeka.requests()["writes"] == 0
        assert "wrong" not in accession.output("worker")


def test_a_target_that_nobody_answers_at(tmp_path: Path, omeka: StandIn) -> None:
    nowhere = {**target_of(omeka), "url": f"http://127.0.0.1:{free_port()}"}
    with Installation(tmp_path / "a", {"omeka": nowhere}) as accession:
        assert failed_run(accession.start())["code"] == "target-down"


@pytest.mark.parametrize("state", ["database_down", "maintenance", "fpm_down"])
def test_a_target_that_is_out_of_order(accession: Installation, omeka: StandIn, state: str) -> None:
    omeka.knobs(**{state: True})
    assert failed_run(accession)["code"] == "target-down"
    omeka.knobs(**{state: False})
    assert omeka.requests()["writes"] == 0
    assert omeka.dump()["items"] == []


def test_names_that_the_target_does_not_know_are_all_named_at_once(accession: Installation) -> None:
    control = {
        **CONTROL,
        "instructions": [
            {
                "action": "new",
                "destination": "item",
                "set": {"template": "Artwork", "class": "dctype:Imagee"},
            },
            {"source": "title", "name": "dcterms:title"},
            {"source": "title", "name": "dcterms:titel"},
        ],
    }
    answer = accession.post("control", files={"file": ("c", json.dumps(control).encode())})
    if answer.status_code == 400:
        # Known without asking anybody: the built-in vocabulary has no such term.
        assert "dcterms:title" in answer.text
        control["instructions"].pop()
    batch = accession.batch(control, {"data0": DATA})
    assert accession.run(batch) == "failed"
    run = accession.facts(batch)["runs"][0]
    assert run["code"] == "names-unknown"
    for name in ("Artwork", "dctype:Image"):
        assert name in run["reason"]


def test_targets_check_tells_whether_the_key_is_good(accession: Installation, omeka: StandIn) -> None:
    good = accession.post("targets/omeka/check")
    assert good.status_code == 200, good.text
    assert "4.2.0" in good.text
    omeka.knobs(database_down=True)
    bad = accession.post("targets/omeka/check")
    assert "install" in bad.text.lower()
