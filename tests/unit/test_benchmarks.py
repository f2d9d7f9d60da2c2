"""Every benchmark still runs and gives rows of the right shape. In this size its figures mean nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from benchmarks import artworks, creating, mapping, planning, uploads
from benchmarks.__main__ import main
from benchmarks.measuring import Aim, Bench, Comparison, Fact, Growth, Row, Sample, interleaved
from benchmarks.table import COLUMNS, as_document, cells, print_table
from service.store.database import Database

IJSON = "ijson (yajl2_c) parsing"
EXPECTED = {
    "uploads": [
        ("2 MiB by POST", "sha256sum"),
        ("2 MiB by POST", "write and fsync"),
        ("growth of the service by 2 MiB by POST", ""),
        ("2 MiB by PUT", "sha256sum"),
        ("2 MiB by PUT", "write and fsync"),
        ("growth of the service by 2 MiB by PUT", ""),
        ("20 files of 4 KiB", "write and fsync"),
        ("growth of the service by 20 files of 4 KiB", ""),
    ],
    "mapping": [
        ("read and map 12 fields", IJSON),
        ("read alone", IJSON),
        ("growth of the process meanwhile", ""),
    ],
    "creating": [
        ("at 15 answers a second", "bare loop"),
        ("at 15 answers a second", "omeka-s-tools"),
        ("at 500 answers a second", "bare loop"),
        ("at 500 answers a second", "omeka-s-tools"),
        ("Omeka Classic, at 15 answers a second", "bare loop"),
        ("Omeka Classic, at 500 answers a second", "bare loop"),
    ],
    "planning": [
        ("import again, all unchanged", IJSON),
        ("the same in processor time", IJSON),
        ("requests to the target", ""),
        ("growth of the worker meanwhile", ""),
    ],
}


def _check(name: str, rows: list[Row]) -> None:
    shown = [(row.measured, row.beside if isinstance(row, Comparison) else "") for row in rows]
    assert (name, shown) == (name, EXPECTED[name])
    for row in rows:
        assert row.benchmark == name
        if isinstance(row, Comparison):
            assert len(row.ours.values) == len(row.theirs.values) == 1
            assert row.amount > 0
            assert row.ratio.median > 0
        else:
            assert row.ours.low >= 0


@pytest.mark.slow
@pytest.mark.parametrize("module", [uploads, mapping, creating, planning], ids=lambda m: m.__name__)
def test_a_benchmark_gives_its_rows(module: object, tmp_path: Path) -> None:
    measure: Callable[[Bench], list[Row]] = module.measure
    _check(module.__name__.removeprefix("benchmarks."), measure(Bench("tiny", tmp_path)))


def test_planning_says_in_a_line_how_many_times_as_long_as_parsing_it_takes() -> None:
    again = Comparison(
        "planning",
        "import again",
        69202,
        "records",
        Sample((6.0, 9.0, 5.0)),
        "ijson",
        Sample((1.5, 1.5, 1.25)),
        Aim("time", 3.0),
    )
    assert planning.in_words(again) == "unchanged again: 4.0 × parsing (6.00 s beside 1.50 s, 69,202 records)"


# --- the data ---------------------------------------------------------------------------------------


def test_the_first_500_records_are_those_of_the_example() -> None:
    assert list(artworks.artworks(500)) == json.loads(artworks.EXAMPLE.read_text(encoding="utf-8"))


def test_the_records_are_the_same_every_time_and_differ_in_identity(tmp_path: Path) -> None:
    first = artworks.write_artworks(tmp_path / "first.json", 1203)
    second = artworks.write_artworks(tmp_path / "second.json", 1203)
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.size == first.path.stat().st_size
    records = orjson.loads(first.path.read_bytes())
    assert len({record["acno"] for record in records}) == len({record["id"] for record in records}) == 1203
    assert (records[501]["acno"], records[1002]["acno"]) == (
        f"{records[1]['acno']}-1",
        f"{records[2]['acno']}-2",
    )


@pytest.mark.parametrize("document", [artworks.CONTROL, artworks.CLASSIC], ids=["omeka-s", "omeka-classic"])
def test_the_map_has_twelve_fields(document: dict[str, Any]) -> None:
    names = set()
    for instruction in document["instructions"]:
        for part in instruction.get("instructions", [instruction]):
            names |= {part["name"]} if "name" in part else set()
    assert len(names) == 12
    artworks.control(document)


# --- the measuring ----------------------------------------------------------------------------------


def test_contenders_take_turns_at_being_first(tmp_path: Path) -> None:
    calls: list[tuple[str, int]] = []

    def contender(name: str, seconds: float) -> Callable[[int], float]:
        def work(number: int) -> float:
            calls.append((name, number))
            return seconds + number

        return work

    found = interleaved(
        Bench("tiny", tmp_path),
        {"a": contender("a", 1), "b": contender("b", 10)},
        rounds=3,
        at_most=60,
    )
    assert calls == [("a", 0), ("b", 0), ("b", 1), ("a", 1), ("a", 2), ("b", 2)]
    assert found == {"a": Sample((1, 2, 3)), "b": Sample((10, 11, 12))}


def test_no_round_begins_after_the_time_is_up_but_the_first() -> None:
    found = interleaved(Bench("tiny", Path()), {"a": lambda _: 1.0}, rounds=5, at_most=-1)
    assert found == {"a": Sample((1.0,))}


def _comparison(aim: Aim | None) -> Comparison:
    return Comparison(
        "upload", "64 MiB", 100, "MB", Sample((4.0, 1.0, 2.0)), "cat", Sample((2.0, 1.0, 4.0)), aim
    )


@pytest.mark.parametrize(
    ("aim", "ratio", "met"),
    [
        (None, Sample((0.5, 1.0, 2.0)), None),
        (Aim("speed", 1.0), Sample((0.5, 1.0, 2.0)), True),
        (Aim("speed", 1.1), Sample((0.5, 1.0, 2.0)), False),
        (Aim("time", 1.0), Sample((2.0, 1.0, 0.5)), True),
        (Aim("time", 0.9, never=6), Sample((2.0, 1.0, 0.5)), False),
    ],
)
def test_a_ratio_is_of_rates_or_of_times_and_taken_round_by_round(
    aim: Aim | None, ratio: Sample, met: bool | None
) -> None:
    row = _comparison(aim)
    assert (row.ratio, row.met, row.rate(row.ours)) == (ratio, met, 50.0)


def test_a_figure_that_stands_alone_is_judged_by_its_worst_round() -> None:
    fact = Fact("planning", "requests to the target", "", Sample((6.0, 11.0)), Aim("value", 10))
    assert fact.met is False
    assert cells(fact) == ("planning", "requests to the target", "11", "", "", "", "6–11", "≤ 10", "missed")


def test_the_growth_of_a_process_is_that_of_its_peak() -> None:
    growth = Growth(os.getpid())
    grown = bytearray(b"x" * 64_000_000)
    del grown
    peak = growth.so_far()
    assert peak is not None
    assert 60 < peak < 200


def test_the_growth_of_a_process_that_is_not_there_is_not_known() -> None:
    assert Growth(2**30).so_far() is None


# --- what is shown ----------------------------------------------------------------------------------


@pytest.fixture
def printed() -> Iterator[Console]:
    with Path("/dev/null").open("w", encoding="utf-8") as nowhere:
        yield Console(record=True, file=nowhere, width=150)


def test_the_table_has_a_line_a_row(printed: Console) -> None:
    print_table([_comparison(Aim("time", 3, never=6))], printed)
    heading, line = printed.export_text().splitlines()
    assert heading.split() == [name for name in COLUMNS if name]
    assert " ".join(line.split()) == (
        "upload 64 MiB 50.0 MB/s cat 50.0 MB/s 1.00 0.50–2.00 time ≤ 3, never over 6 met"
    )


def test_the_document_holds_every_value_and_the_verdict() -> None:
    (document,) = as_document([_comparison(Aim("speed", 2.0))])
    assert document == {
        "benchmark": "upload",
        "measured": "64 MiB",
        "amount": 100,
        "unit": "MB",
        "ours": {"values": (4.0, 1.0, 2.0)},
        "beside": "cat",
        "theirs": {"values": (2.0, 1.0, 4.0)},
        "aim": {"of": "speed", "bound": 2.0, "never": None},
        "ratio": {"values": (0.5, 1.0, 2.0), "median": 1.0},
        "met": False,
    }


def test_a_benchmark_that_is_not_there_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["upload"])
    assert "upload: there are uploads, mapping, creating, planning" in capsys.readouterr().err


def test_creating_is_only_compared_when_everything_is_written_down(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'accession.db'}")
    claim = creating._planned_run(db, [])
    creating._check_written(db, claim, 0)
    with pytest.raises(ValueError, match="'journal': 0, 'ledger': 0, 'log': 0"):
        creating._check_written(db, claim, 1)
    db.dispose()
