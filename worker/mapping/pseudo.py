"""Pseudo-destinations: the one value that their parts make."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from service.control.model import Json, PseudoKind
from worker.mapping.problems import Unconvertible
from worker.mapping.text import as_text


def joined(kind: PseudoKind, parts: Mapping[str, Json]) -> Json:
    """The content of a pseudo-destination; None where its main part is blank."""

    def part(name: str) -> str:
        return (as_text(parts.get(name)) or "").strip()

    match kind:
        case "literal":
            return parts.get("value")
        case "uri":
            return parts.get("uri")
        case "date":
            start, end = part("start"), part("end")
            return f"{start}/{end}" if start and end else start or None
        case "coordinates":
            latitude, longitude = part("latitude"), part("longitude")
            if latitude and not longitude:
                raise Unconvertible("pseudo-incomplete", f"value:coordinates has latitude {latitude} only.")
            return f"{latitude},{longitude}" if latitude else None
        case _:
            return _person(part)


def _person(part: Callable[[str], str]) -> str | None:
    """`Last, Title First Middle, Suffix`."""
    last = part("last")
    if not last:
        return None
    given = " ".join(filter(None, (part("title"), part("first"), part("middle"))))
    return ", ".join(filter(None, (last, given, part("suffix"))))
