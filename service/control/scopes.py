"""The scopes that a control file writes to: what keeps its runs apart from those of others."""

from __future__ import annotations

from service.control.model import Control


def scopes(control: Control) -> frozenset[str]:
    """The scopes under which its records are known again; "" where a `match` names none.

    Without any `match` there is none: such records are new each time, whoever writes beside them. Where
    links look is not among them: they read only.
    """
    return frozenset(match.scope for match in control.match.values())
