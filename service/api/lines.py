"""Facts as lines of text: what a shell reads and a terminal shows."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

_BIDIRECTIONAL = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}


def one_line(text: str) -> str:
    """Text that can neither break a line nor steer a terminal: control characters stand as escapes."""
    if text.isprintable():
        return text
    return "".join(_escaped(character) if _is_control(character) else character for character in text)


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or ord(character) in _BIDIRECTIONAL


def _escaped(character: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    code = ord(character)
    return named.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def moment(ms: int | None) -> str:
    """ISO 8601 in UTC with milliseconds; empty for None."""
    if ms is None:
        return ""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def facts(*pairs: tuple[str, object]) -> str:
    """`key: value` lines; what is None or empty is left out."""
    return "".join(
        f"{name}: {one_line(str(value))}\n" for name, value in pairs if value is not None and value != ""
    )
