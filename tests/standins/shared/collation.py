"""Equality as MariaDB's utf8mb4_unicode_ci sees it: no case, no accents, no trailing blanks."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """A key that is equal for texts which the collation holds equal."""
    if text.isascii():
        return text.lower().rstrip(" ")
    plain = (c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    # The collation's table stops at the basic plane: all characters beyond it weigh the same.
    return "".join("\ufffd" if ord(c) > 0xFFFF else c for c in plain).casefold().rstrip(" ")
