"""What goes wrong with one value while a record is mapped, before it is known what becomes of it."""

from __future__ import annotations

from service.control.model import Json

_SHOWN = 100


class Unconvertible(Exception):
    """A value that cannot become what the control file asks for.

    `code` is one of `worker.mapping.codes`; the message is a sentence that makes sense alone.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def shown(value: Json) -> str:
    """A value for a person: on one line, not endless, without characters that a terminal obeys."""
    text = value if isinstance(value, str) else _plain(value)
    flat = "".join(char if char.isprintable() else " " for char in text[: _SHOWN + 1])
    return f"{flat[:_SHOWN]}…" if len(flat) > _SHOWN else flat


def _plain(value: Json) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return f"an object with {', '.join(list(value)[:8])}" if value else "an empty object"
        case int() | float():
            return str(value) if abs(value) < 10**100 else "a very long number"
        case _:
            return value
