"""Which records of a batch are meant: `only`, as `schedule` takes it.

Several words of one kind are alternatives (`row:1-5`, `row:9`), and the kinds narrow each other.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from msgspec import Struct

LISTS = "only/"
"""How the names of files begin that list identifiers: they choose records, and hold none."""

ACTIONS = {
    "create": "create",
    "created": "create",
    "update": "update",
    "updated": "update",
    "delete": "delete",
    "deleted": "delete",
    "unpublish": "unpublish",
    "unpublished": "unpublish",
    "unchanged": "unchanged",
    "skip": "skip",
    "skipped": "skip",
    "reject": "reject",
    "rejected": "reject",
}
"""What may be said of an action, and the action that is meant."""
OUTCOMES = (
    "created",
    "updated",
    "deleted",
    "unpublished",
    "unchanged",
    "skipped",
    "rejected",
    "failed",
    "uncertain",
    "altered",
)
_KINDS = ("row", "identifier", "action", "outcome", "file")
_ROWS = re.compile(r"([1-9]\d{0,14})(?:-([1-9]\d{0,14}))?", re.ASCII)
_TAKES = "only takes row:12-40, identifier:X, action:A, outcome:O or file:only/NAME"


class Choice(Struct, frozen=True, omit_defaults=True):
    """What was asked for. An empty kind narrows nothing. `actions` are those of a plan, `lists` names of
    files."""

    rows: tuple[tuple[int, int], ...] = ()
    identifiers: tuple[str, ...] = ()
    actions: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()
    lists: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.rows or self.identifiers or self.actions or self.outcomes or self.lists)

    def takes_row(self, number: int) -> bool:
        return not self.rows or any(first <= number <= last for first, last in self.rows)


class ChoiceError(Exception):
    """A word of `only` that makes no sense; the message says what would."""


def is_list(name: str) -> bool:
    """Whether a file of this logical name lists identifiers rather than records."""
    return name.startswith(LISTS)


def read_choice(words: Sequence[str]) -> Choice:
    """Raises `ChoiceError` for the first word that makes no sense."""
    rows: list[tuple[int, int]] = []
    texts: dict[str, list[str]] = {kind: [] for kind in _KINDS}
    for word in words:
        kind, separator, text = word.partition(":")
        if not separator or kind not in _KINDS:
            raise ChoiceError(f"{_TAKES}, not “{word[:80]}”.")
        if not text.strip():
            raise ChoiceError(f"only={kind}: says nothing after the colon; {_TAKES}.")
        match kind:
            case "row":
                rows.append(_rows(text))
            case "action":
                texts[kind].append(_one_of(kind, text, tuple(ACTIONS)))
            case "outcome":
                texts[kind].append(_one_of(kind, text, OUTCOMES))
            case "file":
                texts[kind].append(_list_name(text))
            case _:
                texts[kind].append(text)
    return Choice(
        rows=tuple(rows),
        identifiers=tuple(dict.fromkeys(texts["identifier"])),
        actions=frozenset(ACTIONS[one] for one in texts["action"]),
        outcomes=frozenset(texts["outcome"]),
        lists=tuple(dict.fromkeys(texts["file"])),
    )


def _rows(text: str) -> tuple[int, int]:
    found = _ROWS.fullmatch(text)
    if found is None:
        raise ChoiceError(
            f"only=row:{text[:80]} is neither a row nor a range of rows: write row:12 or row:12-40."
        )
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise ChoiceError(f"only=row:{text} ends before it begins: write row:{last}-{first}.")
    return first, last


def _one_of(kind: str, text: str, allowed: Sequence[str]) -> str:
    if text in allowed:
        return text
    near = difflib.get_close_matches(text, allowed, n=1)
    meant = f" Did you mean {near[0]}?" if near else ""
    raise ChoiceError(f"only={kind}:{text[:80]} is no {kind}: it may be {', '.join(allowed)}.{meant}")


def _list_name(text: str) -> str:
    if not is_list(text):
        raise ChoiceError(
            f"only=file:{text[:80]} is no list of identifiers: the name of one begins with {LISTS}. Upload it"
            f" under the name {LISTS}{text[:80]} and write only=file:{LISTS}{text[:80]}."
        )
    return text
