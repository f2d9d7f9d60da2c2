"""Which form of an answer a caller wants, by its `Accept` header."""

from __future__ import annotations

from collections.abc import Sequence


def preferred(accept: str | None, offered: Sequence[str]) -> str:
    """The offered media type that `accept` likes best; the first when it likes none, or says nothing.

    Of types that are liked equally the one offered first wins, so a shell (`*/*`) gets text.
    """
    if not accept:
        return offered[0]
    ranges = [_range(part) for part in accept.split(",")]
    return max(offered, key=lambda media_type: _quality(media_type, ranges))


def wants_json(accept: str | None) -> bool:
    return preferred(accept, ("text/plain", "application/json", "application/problem+json")) != "text/plain"


def _range(part: str) -> tuple[str, float]:
    media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                quality = min(1.0, max(0.0, float(parameter[2:])))
            except ValueError:
                quality = 0.0
    return media_range, quality


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """By the most specific range that fits."""
    kind = media_type.split("/", 1)[0]
    for candidate in (media_type, f"{kind}/*", "*/*"):
        for media_range, quality in ranges:
            if media_range == candidate:
                return quality
    return 0.0
