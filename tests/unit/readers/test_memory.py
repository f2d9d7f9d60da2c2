"""Memory does not grow with the file: the peak of a process that reads many rows and one that reads few.

By default 10,000 rows, with `-m full` 1,000,000; what is allowed is for 1,000,000 in both.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.nasty.support import texts, xlsx

ALLOWED_MB = 100

READ = """
import resource, sys
from dataclasses import dataclass
from pathlib import Path
from service.control.model import *
from worker.readers import open_reader

@dataclass
class Blob:
    path: Path
    size: int

def read(path):
    spec = eval(sys.argv[1])
    options = {"group": Group(("g",), "rows"), "fill_down": ("g",)} if "--group" in sys.argv else {}
    return sum(1 for _ in open_reader(spec, Blob(path, path.stat().st_size), "data", **options))

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

read(Path(sys.argv[2]))
before = peak()
print(read(Path(sys.argv[3])), peak() - before)
"""


def lines(path: Path, count: int, line: Callable[[int], str], head: str = "", tail: str = "") -> Path:
    with path.open("w") as stream:
        stream.write(head)
        stream.writelines(line(number) for number in range(count))
        stream.write(tail)
    return path


def json_array(path: Path, count: int) -> Path:
    return lines(
        path,
        count,
        lambda n: f'{"," if n else ""}{{"id": {n}, "t": ["Café {n}", {{"x": 1.50}}]}}\n',
        "[",
        "]",
    )


def json_at(path: Path, count: int) -> Path:
    """The records stand behind an array that is as long."""
    skipped = "".join(f"[{n}, {{}}]," for n in range(count))
    return lines(
        path,
        count,
        lambda n: f'{"," if n else ""}{{"id": {n}}}\n',
        f'{{"other": [{skipped}0], "data": {{"items": [',
        f'], "more": [{skipped}0]}}}}',
    )


def json_lines(path: Path, count: int) -> Path:
    return lines(path, count, lambda n: f'{{"id": {n}, "t": ["Café {n}", {{"x": 1.50}}]}}\n')


def table(path: Path, count: int) -> Path:
    return lines(path, count, lambda n: f'{n},"Café, {n}",{"x" * (n % 40)}\n', "id,t,u\n", ",,\n" * count)


def groups(path: Path, count: int) -> Path:
    return lines(path, count, lambda n: f"{'' if n % 3 else f'group {n}'},{n}\n", "g,t\n")


def xml(path: Path, count: int) -> Path:
    """The records stand behind as many other elements, deeper and beside them."""
    junk = "".join(f"<j><k>{n}</k></j>" for n in range(count))
    return lines(
        path,
        count,
        lambda n: f'<x i="{n}"><t>Café {n}</t><t/></x>\n',
        f"<r><h>{junk}</h><l>",
        f"{junk}</l></r>",
    )


def haplo(path: Path, count: int) -> Path:
    return lines(path, count, lambda n: f"<x><t>Café {n}</t></x>\n", "<r>", "</r>")


def tsv(path: Path, count: int) -> Path:
    return lines(path, count, lambda n: f"{n}\tCafé\n", "id\tt\n")


def workbook(path: Path, count: int) -> Path:
    rows = "".join(texts(number, f"{number}", f"Café {number}") for number in range(2, count + 2))
    path.write_bytes(xlsx(texts(1, "id", "t") + rows))
    return path


READERS = [
    ("JsonReader()", json_array),
    ('JsonReader(at=("data", "items"))', json_at),
    ("JsonLinesReader()", json_lines),
    ("CsvReader()", table),
    ("TsvReader()", tsv),
    ('XmlReader("r/l/x")', xml),
    ("XmlChildrenReader()", haplo),
    ('SheetReader("xlsx")', workbook),
]


def growth(
    spec: str, make: Callable[[Path, int], Path], count: int, folder: Path, *flags: str
) -> tuple[int, int]:
    """How many rows were read, and by how many MB the process grew over reading ten."""
    few, many = make(folder / "few", 10), make(folder / "many", count)
    done = subprocess.run(
        [sys.executable, "-c", READ, spec, str(few), str(many), *flags],
        capture_output=True,
        text=True,
        check=True,
    )
    read, grown = done.stdout.split()
    return int(read), int(grown)


@pytest.mark.parametrize(("spec", "make"), READERS)
def test_ten_thousand_rows_take_no_more_memory_than_ten(spec, make, tmp_path: Path) -> None:
    read, grown = growth(spec, make, 10_000, tmp_path)
    assert read == 10_000
    assert grown < ALLOWED_MB / 4


def test_groups_take_no_more_memory_either(tmp_path: Path) -> None:
    read, grown = growth("CsvReader()", groups, 9_999, tmp_path, "--group")
    assert read == 3_333
    assert grown < ALLOWED_MB / 4


@pytest.mark.full
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("spec", "make"), READERS)
def test_a_million_rows_take_no_more_memory_than_ten(spec, make, tmp_path: Path) -> None:
    read, grown = growth(spec, make, 1_000_000, tmp_path)
    assert read == 1_000_000
    assert grown < ALLOWED_MB


@pytest.mark.full
@pytest.mark.timeout(900)
def test_a_million_rows_in_groups_take_no_more_memory_either(tmp_path: Path) -> None:
    read, grown = growth("CsvReader()", groups, 999_999, tmp_path, "--group")
    assert read == 333_333
    assert grown < ALLOWED_MB
