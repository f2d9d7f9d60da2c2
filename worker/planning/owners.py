"""Owners that the data name and the target does not know: they are left out, with a word.

Only for a preset, whose owners come from another site: elsewhere a name that is not there rejects its record.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from worker.records import Mapped, Problem
from worker.targets.base import Resolver


class Owners:
    """`lenient`: whether such owners are left out."""

    def __init__(self, resolver: Resolver, *, lenient: bool) -> None:
        self._resolver = resolver
        self._lenient = lenient

    def settle(self, mapped: Mapped) -> Mapped:
        """The record without owners that are not there, each with a warning."""
        if not self._lenient or all(draft.fields.owner is UNSET for draft in mapped.drafts):
            return mapped
        drafts, problems = [], list(mapped.problems)
        for draft in mapped.drafts:
            owner = draft.fields.owner
            if isinstance(owner, str) and _unknown(owner, self._resolver.problems(draft)):
                text = (
                    f"There is no user {owner} in the target, so the owner is that of the key. Name one in "
                    '"users" of the recordProcessor, or have users made ("createUsers").'
                )
                problems.append(Problem("warning", "owner-unknown", text, value=owner))
                fields = msgspec.structs.replace(draft.fields, owner=UNSET)
                drafts.append(msgspec.structs.replace(draft, fields=fields))
            else:
                drafts.append(draft)
        return msgspec.structs.replace(mapped, drafts=tuple(drafts), problems=tuple(problems))


def _unknown(owner: str, problems: Sequence[Problem]) -> bool:
    return any(one.code == "names-unknown" and one.value == owner for one in problems)
