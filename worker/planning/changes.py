"""What an update does to a resource, as a person reads it: before → after a name, and conflicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from service.store.changes import Change, Changes, Conflict
from worker.planning.values import Held, marks

__all__ = ["Change", "Changes", "Conflict", "change"]

_BEFORE, _AFTER = 60, 140
"""Characters around the place where two long values begin to differ."""


def change(
    name: str, before: Sequence[Held], after: Sequence[Held], altered: Sequence[tuple[Held, Held]]
) -> Change:
    """The change that makes `after` of `before`. `altered`: values that stay, as (before, after)."""
    removed = _excess(before, [*after, *(was for was, _ in altered)])
    added = _excess(after, [*before, *(becomes for _, becomes in altered)])
    apart = [_told_apart(was, becomes) for was, becomes in zip(removed, added, strict=False)]
    return Change(
        name,
        (*(one for one, _ in apart), *(one.shown() for one in removed[len(apart) :])),
        (*(one for _, one in apart), *(one.shown() for one in added[len(apart) :])),
        tuple((was.shown(), becomes.shown()) for was, becomes in altered),
        tuple(one.shown() for one in before),
        tuple(one.shown() for one in after),
    )


def _excess(values: Sequence[Held], others: Sequence[Held]) -> list[Held]:
    """The values that are not among the others, as multisets, whatever JSON they came as."""
    counts = Counter(marks(others))
    found = []
    for value in values:
        if counts[value.mark]:
            counts[value.mark] -= 1
        else:
            found.append(value)
    return found


def _told_apart(before: Held, after: Held) -> tuple[str, str]:
    """Two values, shown so that one sees where they differ even behind a long common beginning."""
    old, new = before.shown(), after.shown()
    if old != new or before.display:
        return old, new
    old_text, new_text = (" ".join(one.content.main.split()) for one in (before, after))
    same = next(
        (place for place, (a, b) in enumerate(zip(old_text, new_text, strict=False)) if a != b),
        min(len(old_text), len(new_text)),
    )
    if same < _BEFORE:
        return old, new
    start = same - _BEFORE
    return (
        before.shown(_window(old_text, start)),
        after.shown(_window(new_text, start)),
    )


def _window(text: str, start: int) -> str:
    end = start + _BEFORE + _AFTER
    return f"…{text[start:end]}{'…' if len(text) > end else ''}"
