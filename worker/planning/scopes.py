"""A scope that is new on a target, but spelt nearly like one that is known there: probably that one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from service.control.model import Control
from service.store import ledger
from service.store.database import Database
from worker.context import RunLog


def warn_of_close_scopes(db: Database, target: str, control: Control, log: RunLog) -> None:
    """Say it of each scope of the control file."""
    wanted = sorted({match.scope for match in control.match.values()})
    if not any(wanted):
        return
    sizes: Counter[str] = Counter()
    for _, scope, size in ledger.scopes(db, target):
        sizes[scope] += size
    for scope in wanted:
        close = close_scope(scope, sizes)
        if close is not None:
            log.say(
                "warning",
                "scope-close",
                f"Nothing was ever imported into {target} under the scope “{scope}”, but {sizes[close]} "
                f"resources were under “{close}”. If that one is meant, correct the scope: under another, "
                "everything is new.",
            )


def close_scope(scope: str, known: Mapping[str, int]) -> str | None:
    """The known scope that was probably meant; None where this one is known, or no other is near."""
    if not scope or scope in known:
        return None
    near = [(_distance(_plain(scope), _plain(other)), -size, other) for other, size in known.items() if other]
    for distance, _, other in sorted(near):
        if distance <= (1 if len(scope) < 8 else 2) and distance < len(_plain(scope)):
            return other
    return None


def _plain(scope: str) -> str:
    """Without case and separators; as it is where nothing else is left."""
    plain = "".join(letter for letter in scope.casefold() if letter.isalnum())
    return plain or scope


def _distance(one: str, other: str) -> int:
    """How many letters are put in, left out or exchanged."""
    if abs(len(one) - len(other)) > 2:
        return 3
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
