"""How Omeka's PHP and its database take what JSON brings."""

from __future__ import annotations

from tests.standins.shared.php import Json, to_int

from .errors import ApiError, sql

_SHOWN_BYTES = 6


def empty(value: Json) -> bool:
    """``empty($value)``."""
    return value in (None, False, 0, 0.0, "", "0", [])


def flag(value: Json) -> bool:
    """A boolean column: words are 0, so ``"true"`` is false."""
    return to_int(value) != 0


def text(value: Json) -> str:
    """A text column: numbers and booleans become text."""
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, dict | list):
        return "Array"
    return str(value)


def number_in(data: Json, name: str) -> Json:
    """``isset($data->name->id)``: what is there, or None."""
    reference = data.get(name)
    return reference.get("id") if isinstance(reference, dict) else None


class Columns:
    """Judges texts as the columns of the site's tables do."""

    def __init__(self, *, utf8mb4: bool) -> None:
        self._utf8mb4 = utf8mb4

    def check(self, value: str | None, table: str, column: str, limit: int = 0) -> None:
        """Raise 500 where the database would not take the text. ``limit``: most characters."""
        if value is None:
            return
        wide = next((place for place, char in enumerate(value) if ord(char) > 0xFFFF), None)
        if wide is not None and not self._utf8mb4:
            raise _incorrect(value[wide:], table, column)
        if limit and len(value) > limit:
            raise sql(f"Data too long for column '{column}' at row 1")


def _incorrect(rest: str, table: str, column: str) -> ApiError:
    encoded = rest.encode()
    shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02X}" for byte in encoded[:_SHOWN_BYTES])
    more = "..." if len(encoded) > _SHOWN_BYTES else ""
    return sql(
        f"Incorrect string value: '{shown}{more}' for column `omeka`.`omeka_{table}`.`{column}` at row 1"
    )
