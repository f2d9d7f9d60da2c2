"""Charts, as SVG that is made here: pure functions of data.

The drawing has no text in it and is stretched to whatever room there is; what its axes mean stands beside it
as text, so it can be read on a phone. Each has a title, a sentence that says the same, and a table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from markupsafe import Markup, escape
from msgspec import Struct

from service.admin.words import number

Mark = Literal["first", "second", "good", "busy", "quiet", "bad"]
"""How a series is drawn. Each differs from the others in more than its colour, or stands in the table."""

WIDTH, HEIGHT = 600, 160
LONE = 4
"""Half the length of the stroke that a point without neighbours becomes."""
MOST_POINTS = 240
"""Of a line: more cannot be told apart."""
MOST_ROWS = 24
"""Of a table under a line chart: so many moments, spread evenly."""


class Series(Struct, frozen=True):
    """`points`: (x, y) in the order of x; y None: nothing is known there, and the line is broken."""

    name: str
    mark: Mark
    points: Sequence[tuple[float, float | None]]


class Bars(Struct, frozen=True):
    """A part of each bar, in the order in which they stand on each other."""

    name: str
    mark: Mark
    values: Sequence[float]


class Table(Struct, frozen=True):
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Chart(Struct, frozen=True):
    """`svg` is safe to stand in a page. `top`: what the upper edge means; `left`, `right`: the ends of x."""

    name: str
    title: str
    svg: Markup
    top: str
    left: str
    right: str
    legend: tuple[tuple[str, Mark], ...]
    table: Table


class Caption(Struct, frozen=True):
    """What a chart is called (`name` is unique on its page), what it says in a sentence, and the words at its
    edges; `top` with `{}` for the number there."""

    name: str
    title: str
    says: str
    left: str
    right: str
    top: str = "{}"


def line_chart(caption: Caption, series: Sequence[Series], table: Table) -> Chart:
    """Lines over one axis of x. y begins at 0."""
    known = [(x, y) for one in series for x, y in one.points if y is not None]
    first = min((x for x, _ in known), default=0.0)
    span = max((x for x, _ in known), default=1.0) - first or 1.0
    top = nice(max((y for _, y in known), default=0.0))
    shapes = [
        f'<path class="line {one.mark}" d="{_path(_thinned(one.points), first, span, top)}"/>'
        for one in series
    ]
    return _chart(caption, "".join(shapes), top, [(one.name, one.mark) for one in series], table)


def bar_chart(caption: Caption, parts: Sequence[Bars], table: Table) -> Chart:
    """Bars side by side, each of parts that stand on each other."""
    bars = len(parts[0].values) if parts else 0
    top = nice(max((sum(one.values[i] for one in parts) for i in range(bars)), default=0.0))
    step = WIDTH / max(bars, 1)
    shapes = []
    for i in range(bars):
        floor = 0.0
        for one in parts:
            value = one.values[i]
            if value > 0:
                # What is there is seen, however little.
                high = max(value / top * HEIGHT, 1.5)
                y = HEIGHT - floor - high
                shapes.append(
                    f'<rect class="part {one.mark}" x="{i * step + step * 0.12:.1f}" y="{max(y, 0.0):.1f}"'
                    f' width="{step * 0.76:.1f}" height="{high:.1f}"/>'
                )
                floor += high
    return _chart(caption, "".join(shapes), top, [(one.name, one.mark) for one in parts], table)


def nice(most: float) -> float:
    """The least of 1, 2, 5, 10, 20 … (or a tenth of them …) that is not below; 1 for nothing."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= most * (1 - 1e-9))


def spread(rows: Sequence[tuple[str, ...]], most: int = MOST_ROWS) -> tuple[tuple[str, ...], ...]:
    """Some of the rows, evenly, the first and the last among them."""
    if len(rows) <= most:
        return tuple(rows)
    return tuple(rows[round(i * (len(rows) - 1) / (most - 1))] for i in range(most))


def _thinned(points: Sequence[tuple[float, float | None]]) -> Sequence[tuple[float, float | None]]:
    if len(points) <= MOST_POINTS:
        return points
    last = len(points) - 1
    return [points[round(i * last / (MOST_POINTS - 1))] for i in range(MOST_POINTS)]


def _path(points: Sequence[tuple[float, float | None]], first: float, span: float, top: float) -> str:
    """`M0 160L12.5 80`; a point alone is a short stroke."""
    commands: list[str] = []
    pen = False
    for i, (x, y) in enumerate(points):
        if y is None:
            pen = False
            continue
        alone = not pen and (i + 1 == len(points) or points[i + 1][1] is None)
        across = (x - first) / span * WIDTH - (LONE if alone else 0)
        commands.append(f"{'L' if pen else 'M'}{across:.1f} {HEIGHT - y / top * HEIGHT:.1f}")
        if alone:
            commands.append(f"h{2 * LONE}")
        pen = True
    return "".join(commands)


def _chart(
    caption: Caption, shapes: str, top: float, legend: Sequence[tuple[str, Mark]], table: Table
) -> Chart:
    grid = "".join(f'<path class="grid" d="M0 {HEIGHT * part / 4:.0f}H{WIDTH}"/>' for part in range(5))
    svg = (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-labelledby="{caption.name}-title {caption.name}-says">'
        f'<title id="{caption.name}-title">{escape(caption.title)}</title>'
        f'<desc id="{caption.name}-says">{escape(caption.says)}</desc>{grid}{shapes}</svg>'
    )
    return Chart(
        name=caption.name,
        title=caption.title,
        svg=Markup(svg),  # noqa: S704 (numbers of ours, and escaped texts)
        top=caption.top.format(_figure(top)),
        left=caption.left,
        right=caption.right,
        legend=tuple(legend),
        table=table,
    )


def _figure(value: float) -> str:
    return number(round(value)) if value >= 1 else f"{value:g}"
