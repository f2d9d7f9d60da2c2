"""A plan as a person reads it: how much there is, what it has in common, then each record. Pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from service.api.lines import moment, one_line
from service.api.plan_entries import PlanEntry, PropertyChange
from service.store.changes import NOTHING, Change
from service.store.plan_groups import Group
from service.store.runs import RunFacts
from service.store.summary import planned_words, records

Details = Literal["none", "short", "full"]

SECTIONS = {
    "update": "To update",
    "delete": "To delete",
    "unpublish": "To unpublish",
    "create": "To create",
    "reject": "Rejected: not to be written",
    "skip": "Skipped",
    "unchanged": "Unchanged",
}
"""Actions in the order of their sections: what touches something that stands there comes first."""

ALIKE = 20
"""More new resources of a kind than these are not all shown in full …"""
FEW = 5
"""… but only these."""
VALUES = 8
"""Most values of a property that are shown."""
LONG = 160
"""Most characters of a value of a new resource. (Those of an update come shortened, round the difference.)"""

_SIGNS = {
    "create": "+",
    "update": "~",
    "delete": "-",
    "unpublish": "-",
    "unchanged": "=",
    "skip": ".",
    "reject": "!",
}
_KINDS = {
    "item": "items",
    "item-set": "item sets",
    "media": "media",
    "asset": "assets",
    "vocabulary": "vocabularies",
    "resource-template": "resource templates",
    "user": "users",
    "site": "sites",
    "site-page": "site pages",
    "element-set": "element sets",
    "item-type": "item types",
}
RESOLVED = {
    "overwrite": "the record takes their place",
    "keep": "they are kept",
    "reject": "the record is rejected",
}
_MODES = {"import": "an import", "dry-run": "a dry run", "retry": "a retry", "undo": "an undo"}
_WRITING = ("update", "delete", "create", "unpublish")
_EXAMPLE_WIDTH = 110
"""Width of a line that ends with an example, where nobody says how wide lines may be."""


class Layout(Struct, frozen=True):
    """How much is shown, and how wide. `width` 0: lines are as long as they are."""

    details: Details = "short"
    width: int = 0


# --- the summary --------------------------------------------------------------------------------


def summary_text(run: RunFacts, groups: Sequence[Group], layout: Layout, *, narrowed: bool = False) -> str:
    """How much there is, by action and kind; then, of a plan that is shown whole, what it has in common."""
    when = f", made {moment(run.planned_at)[:19].replace('T', ' ')} UTC" if run.planned_at else ""
    lines = [f"Plan of {_MODES[run.mode]}{when} (run {run.id})"]
    lines += _wrapped("", f"{records(run)}: {planned_words(run.counts)}.", layout.width, 2)
    lines += _by_kind(groups)
    if not any(run.counts.get(f"action:{action}") for action in _WRITING):
        lines.append("Nothing is to be written.")
    if not narrowed:
        for block in (
            _changing("What changes in what is updated", groups, "update", layout),
            _changing("What the new resources get", groups, "create", layout),
            _problems("Not written", groups, ("reject", "stop"), layout),
            _problems("Warnings", groups, ("warning",), layout),
            _conflicts(groups, layout),
        ):
            if block:
                lines += ["", *block]
    return "".join(f"{line}\n" for line in lines)


def _by_kind(groups: Sequence[Group]) -> Iterator[str]:
    """`  to create: 10 items, 30 media`, where there is more than one kind."""
    named = [one for one in groups if one.type == "resource" and one.name]
    if len({one.name for one in named}) < 2:
        return
    for action in SECTIONS:
        parts = [counted(one.n, one.name) for one in named if one.action == action]
        if parts:
            yield f"  {SECTIONS[action].partition(':')[0].lower()}: {one_line(', '.join(parts))}"


def counted(n: int, destination: str) -> str:
    """`480 items`, `1 item (artist)`"""
    kind, _, label = destination.partition(":")
    word = kind.replace("-", " ") if n == 1 else _KINDS.get(kind, kind)
    return f"{n} {word}" + (f" ({label})" if label else "")


def _changing(title: str, groups: Sequence[Group], action: str, layout: Layout) -> list[str]:
    found: dict[str, list[Group]] = {}
    for one in groups:
        if one.type in ("added", "removed", "changed") and one.action == action:
            found.setdefault(one.name, []).append(one)
    rows = []
    for name, ways in sorted(found.items(), key=lambda pair: (-sum(one.n for one in pair[1]), pair[0])):
        # All that a new resource has is new.
        of = [str(one.n) if action == "create" else f"{one.n} {one.type}" for one in ways]
        rows.append((one_line(name), ", ".join(of), ways[0].example))
    if not rows:
        return []
    wide, deep = (max(len(row[place]) for row in rows) for place in (0, 1))
    lines = [f"  {name:<{wide}}  {n:<{deep}}  e.g. {one_line(example)}" for name, n, example in rows]
    return [title, *(_cut(line, layout.width or _EXAMPLE_WIDTH) for line in lines)]


def _problems(title: str, groups: Sequence[Group], severities: tuple[str, ...], layout: Layout) -> list[str]:
    found = [one for one in groups if one.type == "problem" and one.action in severities]
    lines = [line for one in found for line in _met(one, one.name, layout)]
    return [title, *lines] if lines else []


def _conflicts(groups: Sequence[Group], layout: Layout) -> list[str]:
    found = [one for one in groups if one.type == "conflict"]
    lines = [
        line
        for one in found
        for line in _met(one, f"{one.name}, {RESOLVED.get(one.action, one.action)}", layout)
    ]
    return ["Edits that somebody made since the last import", *lines] if lines else []


def _met(group: Group, what: str, layout: Layout) -> Iterator[str]:
    first = f"; the first: {group.example}" if group.n > 1 else f": {group.example}"
    yield from _wrapped("  ", f"{group.n} × {one_line(what + first)}", layout.width, 6)


# --- the records --------------------------------------------------------------------------------


def section_title(action: str, counts: Mapping[str, int] | None) -> str:
    """`To update (20)`; without `counts` where only some are shown."""
    title = SECTIONS.get(action, action)
    if counts is None:
        return f"\n{title}\n"
    return f"\n{title} ({counts.get(f'action:{action}', 0)})\n"


class EntryWriter:
    """Writes the entries of a plan in the order in which they come; remembers only what came before."""

    def __init__(self, layout: Layout, groups: Iterable[Group] = ()) -> None:
        """`groups` tell how many new resources of a kind are to come; without them it shows when they do."""
        self._layout = layout
        self._creates = {
            one.name: one.n for one in groups if one.type == "resource" and one.action == "create"
        }
        self._came: Counter[str] = Counter()
        self._before: tuple[str, list[str]] = ("", [])

    def __call__(self, entry: PlanEntry) -> str:
        return "".join(f"{line}\n" for line in self._lines(entry))

    def _lines(self, entry: PlanEntry) -> Iterator[str]:
        if entry.action == "unchanged":
            yield _head(entry)
        elif self._layout.details == "full":
            yield from ("", _head(entry), *self._body(entry))
        elif entry.action == "create":
            yield from self._create(entry)
        else:
            body = self._body(entry)
            before, self._before = self._before, (entry.action, body)
            if body and before == self._before:
                yield f"{_head(entry)}: the same"
            else:
                yield from ("", _head(entry), *body)

    def _create(self, entry: PlanEntry) -> Iterator[str]:
        kind = entry.resource
        total = self._creates.get(kind)
        shown = FEW if total is not None and total > ALIKE else ALIKE
        came = self._came[kind]
        self._came[kind] += 1
        if came == 0 and total is not None and total > ALIKE:
            verb = f"are created. The first {FEW} in full, the others a line each:"
            yield from ("", f"+ {one_line(counted(total, kind))} {verb}")
        if came < shown:
            yield from ("", _head(entry), *self._body(entry))
            return
        if came == shown:
            yield ""
        title = _title(entry)
        line = _head(entry) + (f": {one_line(title)}" if title else "")
        yield _cut(line, self._layout.width) if self._layout.width else line
        yield from self._notes(entry)

    def _body(self, entry: PlanEntry) -> list[str]:
        lines: list[str] = []
        for change in entry.changes:
            lines += (
                _created(change, self._layout) if entry.action == "create" else _changed(change, self._layout)
            )
        return [*lines, *self._notes(entry)]

    def _notes(self, entry: PlanEntry) -> Iterator[str]:
        for note in (*(one.message for one in entry.conflicts), *entry.messages):
            yield from _wrapped("    ! ", one_line(note), self._layout.width, 6)


def _head(entry: PlanEntry) -> str:
    """`~ works.csv:12 [A12] item 4711`; what no record speaks of has no place."""
    place = f"{entry.file}:{entry.row}" if entry.file else ""
    identifier = f"[{entry.identifier}]" if entry.identifier else ""
    number = str(entry.id) if entry.id is not None else ""
    parts = (_SIGNS.get(entry.action, "?"), place, identifier, entry.resource, number)
    return one_line(" ".join(part for part in parts if part))


def _title(entry: PlanEntry) -> str:
    """What a person would call a new resource: its title, else the first value that it has."""
    named = {change.property: change.after for change in entry.changes if change.after}
    values = named.get("dcterms:title") or next(iter(named.values()), ())
    return _shortened(values[0]) if values else ""


def _created(change: PropertyChange, layout: Layout) -> Iterator[str]:
    values = [one_line(_shortened(value) if layout.details == "short" else value) for value in change.after]
    shown = _some(values, layout)
    yield from _wrapped("    ", f"{one_line(change.property)}: {' | '.join(shown)}", layout.width, 6)


def _changed(change: PropertyChange, layout: Layout) -> Iterator[str]:
    """One difference stands beside the name, several below it, each on its line."""
    pairs = Change(change.property, change.removed, change.added, change.changed).pairs
    name, lines = one_line(change.property), [_difference(*pair) for pair in pairs]
    if len(lines) == 1:
        yield from _wrapped("    ", f"{name}: {lines[0]}", layout.width, 6)
        return
    yield f"    {name}:"
    for line in _some(lines, layout):
        yield from _wrapped("      ", line, layout.width, 8)


def _difference(before: str, after: str) -> str:
    if after == NOTHING:
        return f"- {one_line(before)}"
    if before == NOTHING:
        return f"+ {one_line(after)}"
    return f"{one_line(before)} → {one_line(after)}"


def _some(texts: list[str], layout: Layout) -> list[str]:
    # One more is shown rather than said to be missing.
    if layout.details == "full" or len(texts) <= VALUES + 1:
        return texts
    return [*texts[:VALUES], f"… and {len(texts) - VALUES} more"]


def _shortened(text: str) -> str:
    return text if len(text) <= LONG else f"{text[: LONG - 1]}…"


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _wrapped(lead: str, text: str, width: int, indent: int) -> list[str]:
    """A text in lines of this width, the further ones indented. Nothing is lost but blanks at their ends."""
    if width == 0 or len(lead) + len(text) <= width:
        return [lead + text]
    return textwrap.wrap(
        text,
        width,
        initial_indent=lead,
        subsequent_indent=" " * indent,
        replace_whitespace=False,
        break_on_hyphens=False,
    )
