"""What somebody looks for among the records of a plan. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from msgspec import Struct

from service.api.report import problems
from service.store.changes import Change, Changes
from service.store.drafts import changes_of
from service.store.plan_places import PlaceType
from service.store.plans import Entry


class Sought(Struct, frozen=True):
    """What somebody looks for among the entries of an action. `name`: a property or field that changes, or
    that has a conflict; `problem`: a code; `conflict`: a property or field; `text`: words, in either case."""

    name: str = ""
    problem: str = ""
    conflict: str = ""
    text: str = ""

    @property
    def where(self) -> tuple[PlaceType, str] | None:
        """By what the places of a plan narrow it; the rarest first."""
        found: list[tuple[PlaceType, str]] = [
            ("problem", self.problem),
            ("conflict", self.conflict),
            ("name", self.name),
        ]
        return next(((type_, wanted[:255]) for type_, wanted in found if wanted), None)

    def takes(self, entry: Entry) -> bool:
        if self == _ALL:
            return True
        if self.problem and self.problem not in _codes(entry):
            return False
        found = changes_of(entry)
        if self.conflict and self.conflict not in [one.name for one in found.conflicts]:
            return False
        names = [*(one.name for one in found.changes), *(one.name for one in found.conflicts)]
        if self.name and self.name not in names:
            return False
        return not self.text or self._in(entry, found)

    def _in(self, entry: Entry, found: Changes) -> bool:
        wanted = self.text.casefold()
        texts = chain(
            (entry.identifier or "", entry.file, entry.message or "", entry.code or ""),
            (str(number) for number in (entry.resource_id, entry.outcome_id) if number is not None),
            (text for one in problems(entry) for text in (one.message, one.value, one.code)),
            (text for change in found.changes for text in _texts(change)),
            (one.message for one in found.conflicts),
        )
        return any(wanted in text.casefold() for text in texts)


_ALL = Sought()


def _codes(entry: Entry) -> list[str]:
    return [one.code for one in problems(entry)] or [entry.code or ""]


def _texts(change: Change) -> Iterator[str]:
    """The texts of a change in which somebody may look for words."""
    yield from change.before
    yield from change.after
    for before, after in (*change.changed, *zip(change.removed, change.added, strict=False)):
        yield before
        yield after
