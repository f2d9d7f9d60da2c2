"""Reading and mapping, beside ijson that only parses the same file.

All of it is computing in one thread, so it is measured in processor time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import ijson

from benchmarks.artworks import ALL, DataFile, control, write_artworks
from benchmarks.measuring import Aim, Bench, Comparison, Effort, Growth, Row, growth_fact, interleaved, timed
from service.control.model import Control
from worker.mapping.compiler import compile_control
from worker.mapping.lookups import NoTarget
from worker.readers.base import BadRow
from worker.readers.opening import open_reader
from worker.records import Mapped


@dataclass(frozen=True, slots=True)
class Size:
    records: int
    rounds: int


SIZES: dict[Effort, Size] = {"full": Size(ALL, 5), "quick": Size(ALL // 10, 3), "tiny": Size(600, 1)}
BESIDE = "ijson (yajl2_c) parsing"


def measure(bench: Bench) -> list[Row]:
    """Records a second of reading and mapping twelve fields, and of reading alone."""
    size = SIZES[bench.effort]
    file = write_artworks(bench.folder / "artworks.json", size.records)
    rules = control()
    growth = Growth(os.getpid())
    found = interleaved(
        bench,
        {
            "read and map": lambda _: timed(partial(_read_and_map, file, rules), time.process_time),
            "read": lambda _: timed(partial(_read, file, rules), time.process_time),
            BESIDE: lambda _: timed(partial(parse, file), time.process_time),
        },
        rounds=size.rounds,
        at_most=240,
    )
    grown = growth.so_far()
    row = partial(
        Comparison, "mapping", amount=size.records, unit="records", beside=BESIDE, theirs=found[BESIDE]
    )
    return [
        row("read and map 12 fields", ours=found["read and map"], aim=Aim("time", 3.0)),
        row("read alone", ours=found["read"]),
        *growth_fact("mapping", "growth of the process meanwhile", [grown], 100),
    ]


def mapped(file: DataFile, rules: Control) -> Iterator[Mapped]:
    """What the control file makes of each record. Raises `ValueError` for one that it does not take."""
    spec = rules.files[0]
    mapper = compile_control(rules, spec, NoTarget())
    for row in open_reader(spec.reader, file, "data0"):
        if isinstance(row, BadRow):
            raise ValueError(row.message)
        result = mapper.map(row)
        if not result.drafts:
            raise ValueError(f"row {row.number} was not mapped: {result.problems}")
        yield result


def parse(file: DataFile) -> None:
    """Merely parse the file."""
    with file.path.open("rb") as stream:
        _expect(file, sum(1 for _ in ijson.get_backend("yajl2_c").items(stream, "item")))


def _read_and_map(file: DataFile, rules: Control) -> None:
    _expect(file, sum(1 for _ in mapped(file, rules)))


def _read(file: DataFile, rules: Control) -> None:
    _expect(file, sum(1 for _ in open_reader(rules.files[0].reader, file, "data0")))


def _expect(file: DataFile, records: int) -> None:
    if records != file.records:
        raise ValueError(f"{records} records were read, there are {file.records}")
