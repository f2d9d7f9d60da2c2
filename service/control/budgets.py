"""How much may go wrong or away before a run stops: `20`, or `10%` of the records."""

from __future__ import annotations

import re

from service.control.model import Budget

_FORM = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*(%?)")


def read_budget(text: str) -> Budget | None:
    """A budget as a person writes it; None for what is none (also for more than 100%)."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        return None
    amount, percent = float(found[1]), bool(found[2])
    if (percent and amount > 100) or (not percent and not amount.is_integer()):
        return None
    return Budget(amount, percent)
