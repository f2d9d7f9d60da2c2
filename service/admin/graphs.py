"""What the charts of the pages show: a run, a target of the last day, imports of the last month. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from service.admin.charts import (
    Bars,
    Caption,
    Chart,
    Series,
    Table,
    bar_chart,
    line_chart,
    spread,
)
from service.admin.words import duration, mode_word, number, plural, when
from service.store.runs import RunFacts
from service.store.samples import DAY_MS, Day, Pace, Sample
from service.store.states import FAULTS
from service.store.summary import OUTCOMES

DAYS = 30
PIECE_MS = 15 * 60_000
"""A point of a target's chart."""
_NEW = ("created",)
_CHANGED = ("updated", "deleted", "unpublished")


def run_charts(run: RunFacts, samples: Sequence[Sample]) -> list[Chart]:
    """Records over time, then latency and pace; none for a run that was over before there was much to see."""
    began = run.started_at
    if began is None or len(samples) < 2:
        return []
    return [_records(run, samples, began), _target_of_run(run, samples, began)]


def _records(run: RunFacts, samples: Sequence[Sample], began: int) -> Chart:
    ends = max(run.ended_at or 0, samples[-1].at)
    points = [(began, 0, 0), *((one.at, one.read, one.done) for one in samples)]
    if run.ended_at is not None:
        done = sum(run.counts.get(name, 0) for name in OUTCOMES)
        points.append((ends, run.counts.get("read", points[-1][1]), done))
    series = [Series("read", "second", [(float(at), float(read)) for at, read, _ in points])]
    if any(done for *_, done in points):
        series.append(Series("done", "first", [(float(at), float(done)) for at, _, done in points]))
    _, read, done = points[-1]
    says = f"{number(read)} read and {number(done)} done after {duration(ends - began)}."
    table = Table(
        ("After", "Read", "Done"),
        spread([(duration(at - began), number(read), number(done)) for at, read, done in points]),
    )
    title = f"Records over time: {mode_word(run.mode)}"
    caption = Caption("records", title, says, "0 s", duration(ends - began), "{} records")
    return line_chart(caption, series, table)


def _target_of_run(run: RunFacts, samples: Sequence[Sample], began: int) -> Chart:
    """Milliseconds and requests a second differ too much for one axis: each is drawn against its own most."""
    latency = [(float(one.at), one.latency_ms) for one in samples]
    pace = [(float(one.at), one.requests * 1000 / one.took_ms if one.took_ms else None) for one in samples]
    rows = [
        (
            duration(one.at - began),
            f"{one.latency_ms} ms" if one.latency_ms is not None else "",
            f"{rate:.1f}" if rate is not None else "",
            number(one.at_once),
        )
        for one, (_, rate) in zip(samples, pace, strict=True)
    ]
    table = Table(("After", "An answer takes", "Requests a second", "At a time"), spread(rows))
    return _two_scales(
        Caption(
            "target",
            "How the target answers",
            _says(latency, pace),
            duration(samples[0].at - began),
            duration(samples[-1].at - began),
        ),
        latency,
        pace,
        table,
        "requests a second",
    )


def target_chart(name: str, found: Sequence[Pace], now: int) -> Chart | None:
    """The last day of a target, a point each quarter of an hour; None when nothing was asked of it."""
    if not found:
        return None
    known = {one.at: one for one in found}
    first, last = (now - DAY_MS) // PIECE_MS * PIECE_MS, now // PIECE_MS * PIECE_MS
    moments = range(first, last + 1, PIECE_MS)
    latency = [(float(at), known[at].latency_ms if at in known else None) for at in moments]
    minutes = PIECE_MS / 60_000
    pace = [(float(at), known[at].requests / minutes if at in known else 0.0) for at in moments]
    rows = [
        (
            when(one.at),
            f"{one.latency_ms:.0f} ms" if one.latency_ms is not None else "",
            f"{one.requests / minutes:.1f}",
        )
        for one in found
    ]
    table = Table(("From", "An answer takes", "Requests a minute"), spread(rows))
    caption = Caption("day", f"The last day of {name}", _says(latency, pace), when(first), when(now))
    return _two_scales(caption, latency, pace, table, "requests a minute")


def _two_scales(
    caption: Caption,
    latency: Sequence[tuple[float, float | None]],
    pace: Sequence[tuple[float, float | None]],
    table: Table,
    unit: str,
) -> Chart:
    slow, fast = _most(latency), _most(pace)
    series = [
        Series(f"an answer takes (up to {slow:.0f} ms)", "first", _share(latency, slow)),
        Series(f"{unit} (up to {fast:.1f})", "second", _share(pace, fast)),
    ]
    chart = line_chart(caption, series, table)
    return _with_top(chart, f"{slow:.0f} ms, {fast:.1f} {unit}")


def _with_top(chart: Chart, top: str) -> Chart:
    return Chart(chart.name, chart.title, chart.svg, top, chart.left, chart.right, chart.legend, chart.table)


def _most(points: Sequence[tuple[float, float | None]]) -> float:
    return max((y for _, y in points if y is not None), default=0.0)


def _share(points: Sequence[tuple[float, float | None]], most: float) -> list[tuple[float, float | None]]:
    return [(x, y / most if y is not None and most else y) for x, y in points]


def _says(latency: Sequence[tuple[float, float | None]], pace: Sequence[tuple[float, float | None]]) -> str:
    return f"An answer takes up to {_most(latency):.0f} ms; at most {_most(pace):.1f} requests are sent."


def days_chart(found: Sequence[Day], now: int) -> Chart | None:
    """Imports of the last thirty days; None when there were none."""
    if not found:
        return None
    today = now // DAY_MS * DAY_MS
    moments = [today - back * DAY_MS for back in range(DAYS - 1, -1, -1)]
    known = {day.at: day for day in found}
    empty = Day(0, 0, {})
    per_day = [known.get(at, empty) for at in moments]
    new, changed = ([_sum(day, names) for day in per_day] for names in (_NEW, _CHANGED))
    faults = [_sum(day, FAULTS) for day in per_day]
    parts = [Bars("new", "good", new), Bars("changed", "busy", changed), Bars("with errors", "bad", faults)]
    rows = tuple(
        (
            _day(at),
            number(day.runs),
            number(_sum(day, _NEW)),
            number(_sum(day, _CHANGED)),
            number(_sum(day, FAULTS)),
        )
        for at, day in zip(moments, per_day, strict=True)
        if day.runs
    )
    runs = sum(day.runs for day in per_day)
    says = (
        f"{plural(runs, 'import')} in thirty days: {number(sum(new))} records new,"
        f" {number(sum(changed))} changed, {number(sum(faults))} with errors."
    )
    caption = Caption(
        "days", "Imports of the last 30 days", says, _day(moments[0]), _day(today), "{} records"
    )
    return bar_chart(caption, parts, Table(("Day", "Imports", "New", "Changed", "With errors"), rows))


def _sum(day: Day, names: Sequence[str]) -> int:
    return sum(day.counts.get(name, 0) for name in names)


def _day(ms: int) -> str:
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return f"{moment.day} {moment:%b}"
