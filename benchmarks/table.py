"""The rows, as a table to read and as JSON to keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, assert_never

import msgspec
from rich.console import Console
from rich.table import Table

from benchmarks.measuring import Aim, Comparison, Fact, Row, Sample

COLUMNS = ("benchmark", "measured", "ours", "beside", "theirs", "ratio", "spread", "aim", "")
NUMBERS = {"ours", "theirs", "ratio", "spread"}
WIDTH = 170
"""Columns, where the output is no terminal that would tell."""


def print_table(rows: Sequence[Row], console: Console | None = None) -> None:
    """One line a row."""
    out = console or Console(highlight=False)
    if not out.is_terminal:
        out.width = WIDTH
    table = Table(box=None, pad_edge=False)
    for name in COLUMNS:
        table.add_column(name, justify="right" if name in NUMBERS else "left", no_wrap=name in NUMBERS)
    for row in rows:
        table.add_row(*cells(row))
    out.print(table)


def cells(row: Row) -> tuple[str, ...]:
    """The texts of a row, in the order of `COLUMNS`."""
    verdict = {None: "", True: "met", False: "missed"}[row.met]
    match row:
        case Comparison():
            ratio = row.ratio
            return (
                row.benchmark,
                row.measured,
                _speed(row, row.ours),
                row.beside,
                _speed(row, row.theirs),
                f"{ratio.median:.2f}",
                f"{ratio.low:.2f}–{ratio.high:.2f}",
                _aim(row.aim),
                verdict,
            )
        case Fact():
            ours = f"{row.ours.high:.0f} {row.unit}".rstrip()
            spread = f"{row.ours.low:.0f}–{row.ours.high:.0f}"
            return (row.benchmark, row.measured, ours, "", "", "", spread, _aim(row.aim), verdict)
        case _:
            assert_never(row)


def _speed(row: Comparison, sample: Sample) -> str:
    rate = row.rate(sample)
    return f"{rate:,.0f} {row.unit}/s" if rate >= 100 else f"{rate:.1f} {row.unit}/s"


def _aim(aim: Aim | None) -> str:
    if aim is None:
        return ""
    never = f", never over {aim.never:g}" if aim.never is not None else ""
    match aim.of:
        case "speed":
            return f"speed ≥ {aim.bound:g}"
        case "time":
            return f"time ≤ {aim.bound:g}{never}"
        case "value":
            return f"≤ {aim.bound:g}{never}"
        case _:
            assert_never(aim.of)


def as_document(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Every value that was measured, with the ratios and the verdicts."""
    return [_as_document(row) for row in rows]


def _as_document(row: Row) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(row)
    if isinstance(row, Comparison):
        document["ratio"] = {"values": row.ratio.values, "median": row.ratio.median}
    return {**document, "met": row.met}
