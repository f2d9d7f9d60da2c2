"""What a plan has in common, as its page begins: by action, what is wrong, what changes. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from service.admin.plan_found import LISTED
from service.admin.plan_values import Room
from service.admin.session import Tone
from service.admin.words import ACTIONS, kind_word
from service.api.lines import one_line
from service.api.plan_text import RESOLVED
from service.store.plan_groups import Group
from service.store.runs import RunFacts

MOST_GROUPS = 40
"""Lines of a table; the others are only said to be there."""
_TABLES, _CHOICES = 18_000, 5_000
"""Bytes of HTML of all tables, and of each choice."""
_EXAMPLES = 240
"""Characters of an example."""
_WAYS = ("changed", "added", "removed")
_EDITS = ("conflict-overwrite", "conflict-keep")
"""Codes of warnings that repeat a conflict."""
_EXAMPLE = re.compile(
    r"(?:(?P<file>.+?):(?P<row>\d+) ?)?(?P<identifier>\[.*?\])?(?<! ): (?P<text>.*)", re.DOTALL | re.ASCII
)


class ByAction(Struct, frozen=True):
    """`kinds`: `10 items, 30 media`, where a plan has more than one kind."""

    action: str
    n: int
    tone: str
    word: str
    kinds: str


class Meeting(Struct, frozen=True):
    """Records that have a problem, or an edit of somebody in Omeka, in common. `met`: how one finds them."""

    tone: Tone
    n: int
    what: str
    """The problem's code; the property or field."""
    where: str
    message: str
    """The first of them: `works.csv, row 17 [A17]`, and what it says."""
    met: str
    words: str
    """What one chooses it by."""


class Touched(Struct, frozen=True):
    """A property or field, and in how many records what becomes of it."""

    name: str
    updated: str
    created: int
    example: str


class Summary(Struct, frozen=True):
    by_action: tuple[ByAction, ...]
    problems: tuple[Meeting, ...]
    edits: tuple[Meeting, ...]
    touched: tuple[Touched, ...]
    left_out: int
    """Lines of the tables that are not shown."""
    names: tuple[str, ...]

    @property
    def meetings(self) -> tuple[Meeting, ...]:
        return (*self.problems, *self.edits)


def summed(run: RunFacts, groups: Sequence[Group]) -> Summary:
    """`groups`: the largest first."""
    # Edits are told by themselves; only of what is deleted over an edit nothing but its problem tells.
    told = () if run.counts.get("action:delete") else _EDITS
    problems = [_problem(one) for one in groups if one.type == "problem" and one.name not in told]
    problems.sort(key=lambda one: one.tone != "bad")
    edits = [_edit(one) for one in groups if one.type == "conflict"]
    touched = _touched(groups)
    names = {one.name for one in groups if one.type in (*_WAYS, "conflict")}
    room, choices = Room(_TABLES), Room(_CHOICES, 60)
    fitting = [
        [one for one in met[:MOST_GROUPS] if room.take(one.message, one.where, one.what, one.what)]
        for met in (problems, edits)
    ]
    fitting_touched = [
        one for one in touched[:MOST_GROUPS] if room.take(one.example, one.name, one.name, one.updated)
    ]
    shown = sum(map(len, fitting)) + len(fitting_touched)
    return Summary(
        by_action=tuple(_by_action(run, groups)),
        problems=tuple(fitting[0]),
        edits=tuple(fitting[1]),
        touched=tuple(fitting_touched),
        left_out=len(problems) + len(edits) + len(touched) - shown,
        names=tuple(one for one in sorted(names) if choices.take(one, one)),
    )


def _by_action(run: RunFacts, groups: Sequence[Group]) -> list[ByAction]:
    kinds = [one for one in groups if one.type == "resource" and one.name]
    several = len({one.name for one in kinds}) > 1
    found = []
    for action in LISTED:
        if n := run.counts.get(f"action:{action}", 0):
            word, tone = ACTIONS[action]
            of = [f"{one.n:,} {kind_word(one.name, one.n)}" for one in kinds if one.action == action]
            found.append(ByAction(action, n, tone, word, one_line(", ".join(of)) if several else ""))
    return found


def _problem(one: Group) -> Meeting:
    tone: Tone = "warn" if one.action == "warning" else "bad"
    return Meeting(tone, one.n, one.name, *_example(one), f"problem:{one.name}", one.name)


def _edit(one: Group) -> Meeting:
    tone: Tone = "bad" if one.action == "reject" else "warn"
    words = f"edited: {one.name}, {RESOLVED.get(one.action, one.action)}"
    return Meeting(tone, one.n, one.name, *_example(one), f"conflict:{one.name}", words)


def _example(one: Group) -> tuple[str, str]:
    """`works.csv:17 [A17]: text` → where it stands, as a person says it, and the text."""
    found = _EXAMPLE.fullmatch(one.example)
    if found is None:
        return "", _shortened(one.example)
    place = f"{found['file']}, row {found['row']}" if found["file"] else ""
    return " ".join(part for part in (place, found["identifier"]) if part), _shortened(found["text"])


def _shortened(text: str) -> str:
    return text if len(text) <= _EXAMPLES else f"{text[:_EXAMPLES]}…"


def _touched(groups: Sequence[Group]) -> list[Touched]:
    found: dict[str, list[Group]] = {}
    for one in groups:
        if one.type in _WAYS:
            found.setdefault(one.name, []).append(one)
    rows = []
    for name, ways in found.items():
        updated = {
            way: sum(one.n for one in ways if one.type == way and one.action != "create") for way in _WAYS
        }
        created = sum(one.n for one in ways if one.action == "create")
        # What changes something that stands there says more than what is new.
        example = next((one.example for one in ways if one.action != "create"), ways[0].example)
        words = ", ".join(f"{n:,} {way}" for way, n in updated.items() if n)
        rows.append((sum(updated.values()), Touched(name, words, created, _shortened(example))))
    rows.sort(key=lambda row: (-row[0], -row[1].created, row[1].name))
    return [row for _, row in rows]
