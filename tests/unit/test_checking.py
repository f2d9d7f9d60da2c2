"""Rows run for a check: what is shown, what is bounded, what is not said twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest

from service.control.model import Control
from service.control.parse import parse_control
from service.control.target_model import (
    TargetCustomVocabulary,
    TargetItemSet,
    TargetModel,
    TargetProperty,
    TargetVocabulary,
)
from service.store import tasks as stored_tasks
from service.store.control_check import MOST_FOUND, CheckedFile
from service.store.database import Database
from service.store.keys import create_key
from worker import checking, target_model, tasks
from worker.checking import Findings, RowCheck
from worker.mapping.lookups import CustomVocabulary
from worker.planning.phase import InputFile
from worker.preflight import Preflight, compile_problems
from worker.records import Draft, Problem
from worker.targets.base import TemplateFacts

CONTROL: dict[str, Any] = {
    "dataImportControlFileVersion": 1,
    "model": "omeka",
    "match": {"item": {"source": "id", "by": "dcterms:identifier", "scope": "tests"}},
    "files": {"data0": {"read": "json"}},
    "instructions": [
        {"action": "new", "destination": "item"},
        {"source": "title", "name": "dcterms:title"},
    ],
}


class Refusing:
    """A resolver to which every title is a problem, of a known and of an unknown name."""

    def expect(self, draft: Draft) -> Draft:
        return draft

    def problems(self, draft: Draft) -> tuple[Problem, ...]:
        return (
            Problem("reject", "names-unknown", "No property “dcterms:title”.", value="dcterms:title"),
            Problem("reject", "names-unknown", "No set “X”.", value="X"),
        )

    def custom_vocabulary(self, label: str) -> CustomVocabulary | None:
        return None

    def template(self, name: str) -> TemplateFacts | None:
        return None

    def data_type(self, name: str) -> str:
        return name


def parsed(**more: Any) -> Control:
    found = parse_control(json.dumps({**CONTROL, **more}).encode())
    assert found.control is not None, found.problems
    return found.control


def run(
    tmp_path: Path, records: list[dict[str, Any]], found: Preflight | None = None, rows: int = 1000
) -> tuple[Findings, CheckedFile]:
    path = tmp_path / "data"
    path.write_text(json.dumps(records), encoding="utf-8")
    findings = Findings()
    (file,) = RowCheck(parsed(), found, rows, findings).run([InputFile("data0", path, path.stat().st_size)])
    return findings, file


def test_all_problems_are_counted_and_the_first_five_hundred_kept(tmp_path: Path) -> None:
    findings, file = run(tmp_path, [{"title": "No number"}] * 700)
    assert [findings.problem_count, len(findings.problems)] == [700, MOST_FOUND]
    assert [file.rows_read, file.more, len(file.rows)] == [700, False, 700]
    assert {one.code for one in findings.problems} == {"identity-missing"}


def test_rows_beyond_what_can_be_shown_are_run_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "MOST_SHOWN", 1000)
    records = [{"id": f"A{number}", "title": "x" * 100} for number in range(50)]
    findings, file = run(tmp_path, [*records, {"title": "No number"}])
    assert 0 < len(file.rows) < 10
    assert file.rows_read == 51
    assert file.reading[-1] == f"What {51 - len(file.rows)} of the rows become is not shown: it is too much."
    assert findings.problem_count == 1


def test_a_long_value_is_cut_and_half_a_character_shown_as_a_mark(tmp_path: Path) -> None:
    _, file = run(tmp_path, [{"id": "A1", "title": "y" * 10_000}])
    (title,) = file.rows[0].drafts[0].properties[0].values
    assert title.text == "y" * 499 + "…"


def test_only_as_many_rows_are_read_as_were_asked_for(tmp_path: Path) -> None:
    records = [{"id": f"A{number}", "title": "T"} for number in range(5)]
    for rows, read, more in ((0, 0, True), (4, 4, True), (5, 5, False), (9, 5, False)):
        _, file = run(tmp_path, records, rows=rows)
        assert [file.rows_read, file.more] == [read, more]


def test_a_name_of_the_control_file_is_not_told_again_for_every_row(tmp_path: Path) -> None:
    unknown = Problem("stop", "names-unknown", "No property.", "/instructions/1", "dcterms:title")
    found = Preflight(Refusing(), (unknown,), frozenset({"dcterms:title"}))
    findings, _ = run(tmp_path, [{"id": "A1", "title": "T"}], found)
    assert [(one.row, one.value) for one in findings.problems] == [(1, "X")]


def test_a_file_of_which_reading_takes_long_is_judged_by_fewer_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "SECONDS", -1.0)
    _, file = run(tmp_path, [{"id": "A1", "title": "T"}] * 3)
    assert [file.rows_read, file.more] == [1, True]
    assert "Reading takes long, so it was left off after 1 row." in file.reading


def test_an_unknown_vocabulary_is_one_problem_not_one_an_instruction() -> None:
    control = parsed(
        instructions=[
            {"action": "new", "destination": "item"},
            {"source": "a", "name": "dcterms:medium", "type": "customvocab:Materials"},
        ]
    )
    found = Preflight(Refusing(), (), frozenset({"customvocab:Materials"}))
    assert compile_problems(control, found.lookups) == ()
    assert [one.pointer for one in compile_problems(control, Refusing())] == ["/instructions/1"]


# --- other tasks ----------------------------------------------------------------------------------


def test_a_large_model_is_cut_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(target_model, "MOST_ITEM_SETS", 2)
    monkeypatch.setattr(target_model, "MOST_MEMBERS", 1)
    model = TargetModel(
        "omeka-s",
        vocabularies=(
            TargetVocabulary("a", "A", properties=(TargetProperty("a:b", "B", comment="c" * 500),)),
        ),
        item_sets=tuple(TargetItemSet(number, "S") for number in range(5)),
        custom_vocabularies=(TargetCustomVocabulary(1, "M", ("oil", "wood", "tin")),),
    )
    cut = target_model.bounded(model)
    assert cut.item_sets == model.item_sets[:2]
    assert cut.custom_vocabularies == (TargetCustomVocabulary(1, "M", ("oil",)),)
    assert cut.left_out == ("3 more item sets.", "2 more members of the vocabulary M.")
    assert cut.vocabularies == model.vocabularies
    monkeypatch.setattr(target_model, "MOST_BYTES", 400)
    without = target_model.bounded(model)
    assert without.vocabularies[0].properties == (TargetProperty("a:b", "B"),)
    assert without.left_out[-1] == "The comments of properties and classes."


@pytest.mark.parametrize("trouble", ["fault", "late"])
def test_a_task_that_fails_ends_with_a_reason_for_a_person(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    from service.settings import Settings
    from service.store.blobs import DiskBlobs
    from worker.job import Workshop
    from worker.limiters import Limiters

    async def fail(*_: object) -> None:
        if trouble == "late":
            await anyio.sleep_forever()
        raise RuntimeError("secret/path")

    monkeypatch.setattr(tasks, "TASK_SECONDS", 0.01)
    monkeypatch.setattr(tasks, "check_control", fail)
    shop = Workshop(Settings(), sqlite, DiskBlobs(tmp_path), Limiters(None), "w")
    key = create_key(sqlite, "a").key
    arguments = b'{"control": "00"}'
    made = stored_tasks.create_task(sqlite, key, "control-check", arguments=arguments)
    anyio.run(tasks.carry_out_task, shop, made.id)
    facts = stored_tasks.task_facts(sqlite, made.id)
    assert facts.failed is True
    code, said = {
        "fault": ("internal-error", "An error of this program ended the task (RuntimeError)."),
        "late": ("task-timeout", "It took longer than 0 s and was given up."),
    }[trouble]
    assert f'"code":"{code}","message":"{said}'.encode() in (facts.result or b"")
    assert b"secret" not in (facts.result or b"")
