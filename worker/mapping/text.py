"""Texts out of JSON values, and what cataloguers do to texts: pure functions, linear in their input."""

from __future__ import annotations

import html
import math
import re
import unicodedata
from collections.abc import Iterator

from service.control.model import Json, Split
from worker.mapping.problems import Unconvertible, shown

_LONGEST_INTEGER = 10**300

_FOLDED = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "þ": "th"}
    | {"Þ": "Th", "œ": "oe", "Œ": "OE", "ð": "d", "Ð": "D", "ı": "i"}
)
_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_OPENING, _CLOSING = "([{", ")]}"


def as_text(value: Json) -> str | None:
    """The text of a value: numbers and booleans as JSON writes them, None for null.

    Raises `Unconvertible` for lists and objects, which are no text.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if -_LONGEST_INTEGER < value < _LONGEST_INTEGER:
            return str(value)
        raise Unconvertible("value-not-text", "is a number of more than 300 digits.")
    if isinstance(value, list | dict):
        raise Unconvertible(
            "value-not-text",
            f"is {shown(value)}, not a text. Name the part that is meant with an expression.",
        )
    if not math.isfinite(value):
        raise Unconvertible("value-not-text", "is a number without an end.")
    return repr(value)


def is_blank(value: Json) -> bool:
    """Null, text of white space, and what holds nothing. `false` and 0 are values."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value or value.isspace()
    return isinstance(value, list | dict) and not value


def checked_unicode(text: str) -> str:
    """The text, if it can be sent; half a character (a lone surrogate) cannot."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Unconvertible(
                "text-not-unicode", "holds half a character (a lone surrogate); correct it in the data."
            ) from None
    return text


def collapse_space(text: str) -> str:
    return " ".join(text.split())


def title_case(text: str) -> str:
    """Each word with a capital; the rest of the word as it is (`van der McDonald` → `Van Der McDonald`)."""
    return re.sub(r"(?<![\w'’])[^\W\d_]", lambda match: match[0].upper(), text)


def slug(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate(_FOLDED))
    plain = decomposed.encode("ascii", "ignore").decode().lower()
    return _NOT_SLUG.sub("-", plain).strip("-")


# --- splitting ------------------------------------------------------------------------------------


def split_text(text: str, split: Split) -> list[str]:
    """The pieces, as they stand: neither trimmed nor blank ones left out."""
    if split.escape is None and not split.brackets:
        return text.split(split.separator)
    return list(_pieces(text, split))


def _pieces(text: str, split: Split) -> Iterator[str]:
    separator, escape = split.separator, split.escape
    piece: list[str] = []
    closing = _bracket_ends(text) if split.brackets else {}
    within = -1
    at = 0
    while at < len(text):
        if escape and text.startswith(escape, at):
            after = at + len(escape)
            if text.startswith(separator, after):
                piece.append(separator)
                at = after + len(separator)
                continue
            if text.startswith(escape, after):
                piece.append(escape)
                at = after + len(escape)
                continue
        if at >= within and text.startswith(separator, at):
            yield "".join(piece)
            piece.clear()
            at += len(separator)
            continue
        if at in closing:
            within = max(within, closing[at])
        piece.append(text[at])
        at += 1
    yield "".join(piece)


def _bracket_ends(text: str) -> dict[int, int]:
    """Where each bracket that is closed opens → where it closes. One that is not closed is a character."""
    ends: dict[int, int] = {}
    open_at: list[int] = []
    for at, char in enumerate(text):
        if char in _OPENING:
            open_at.append(at)
        elif char in _CLOSING:
            kind = _OPENING[_CLOSING.index(char)]
            for depth in range(len(open_at) - 1, max(-1, len(open_at) - 50), -1):
                if text[open_at[depth]] == kind:
                    ends[open_at[depth]] = at
                    del open_at[depth:]
                    break
    return ends


# --- HTML -----------------------------------------------------------------------------------------

_TAG = re.compile(r"</?([a-zA-Z][a-zA-Z0-9-]*)")
_BLOCK_NAMES = (
    "p div br hr li ul ol dl dt dd table tr td th h1 h2 h3 h4 h5 h6 blockquote pre section article"
    " header footer figure figcaption address"
)
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_SILENT = frozenset({"script", "style"})


def strip_html(text: str) -> str:
    """The text that a reader of the page would see, on one line where the markup breaks lines.

    A `<` that begins no tag stays. Linear: nothing is looked for twice.
    """
    if "<" not in text:
        return html.unescape(text) if "&" in text else text
    parts: list[str] = []
    at = 0
    last_closing = text.rfind(">")
    while True:
        opening = text.find("<", at)
        if opening < 0 or opening > last_closing:
            parts.append(html.unescape(text[at:]))
            break
        parts.append(html.unescape(text[at:opening]))
        at = _after_markup(text, opening, parts)
    return collapse_space("".join(parts)) if any(part == "\n" for part in parts) else "".join(parts).strip()


def _after_markup(text: str, opening: int, parts: list[str]) -> int:
    """Where the text goes on after the markup that opens here; appends what the markup means."""
    if text.startswith("<!--", opening):
        end = text.find("-->", opening + 4)
        return len(text) if end < 0 else end + 3
    tag = _TAG.match(text, opening)
    if tag is None:
        if text[opening + 1 : opening + 2] in ("!", "?"):
            return text.find(">", opening) + 1
        parts.append("<")
        return opening + 1
    end = _tag_end(text, tag.end())
    name = tag[1].lower()
    if name in _SILENT and text[opening + 1] != "/":
        closing = re.compile(f"</{name}", re.IGNORECASE).search(text, end)
        return len(text) if closing is None else _tag_end(text, closing.end())
    if name in _BLOCKS:
        parts.append("\n")
    return end


def _tag_end(text: str, at: int) -> int:
    """Behind the `>` that ends a tag; one within a quote that is closed soon does not."""
    end = text.find(">", at)
    if end < 0:
        return len(text)
    inside = text[at:end]
    for quote in ('"', "'"):
        if inside.count(quote) % 2:
            closing = text.find(quote, end)
            after = text.find(">", closing) if closing >= 0 else -1
            if 0 <= closing < end + 1000 and after >= 0:
                return after + 1
    return end + 1
