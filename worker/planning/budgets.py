"""How much may go wrong, or go away, before a run stops. Pure."""

from __future__ import annotations

from service.control.budgets import read_budget
from service.control.model import Budget


def exceeds(said: str | None, budget: Budget | None, number: int, of: int) -> str | None:
    """The limit that `number` of `of` breaks, as a person writes it; None when it is kept.

    `said`: what was allowed at `schedule`; it outranks the control file's budget, this once.
    """
    allowed_by = read_budget(said) if said is not None else budget
    if allowed_by is None or number == 0:
        return None
    allowed = allowed_by.amount * of / 100 if allowed_by.percent else allowed_by.amount
    if number <= allowed:
        return None
    return f"{allowed_by.amount:g}%" if allowed_by.percent else f"{allowed_by.amount:g}"
