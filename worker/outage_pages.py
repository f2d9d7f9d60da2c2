"""Pages to which an Omeka sends everybody while it is away: whatever was asked for is not gone."""

from __future__ import annotations

_PAGES = {
    "install": "its database does not answer (it redirects to its installation page)",
    "maintenance": "it is being upgraded (it redirects to its maintenance page)",
}


def why_away(location: str) -> str | None:
    """What a redirect says of the Omeka that sends it; None: nothing."""
    return _PAGES.get(location.split("?")[0].rstrip("/").rsplit("/", 1)[-1])
