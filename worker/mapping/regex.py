"""Regular expressions of users: RE2, so that one match takes time linear in the text.

Many matches in one long text can still cost the square of its length, so replacing has a time limit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import re2

from worker.mapping.problems import Unconvertible

SECONDS = 2.0
"""How long all replacements in one text may take."""

LONGEST_RESULT = 10_000_000
"""Characters of a text that replacing may grow to."""

_LOOK_AT_CLOCK = 64


class PatternRefused(ValueError):
    """RE2 does not take the pattern, or the replacement names a group that is not there."""


@lru_cache(maxsize=256)
def compile_regex(pattern: str) -> Any:
    """Raises `PatternRefused`."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        detail = error.args[0] if error.args else ""
        detail = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else str(detail)
        raise PatternRefused(f"The pattern “{pattern[:60]}” cannot be read: {detail[:100]}.") from None
    except UnicodeEncodeError:
        raise PatternRefused("The pattern holds half a character (a lone surrogate).") from None


def search(pattern: str, text: str) -> Any:
    """The first match or None."""
    try:
        return compile_regex(pattern).search(text)
    except UnicodeEncodeError:
        raise _half_a_character() from None


@lru_cache(maxsize=256)
def compile_replace(pattern: str, replacement: str) -> Callable[[str], str]:
    """A function that replaces every match; `\\1` … `\\9` are groups, `\\\\` is a backslash.

    The function raises `Unconvertible` when it would take too long or make too much.
    """
    regex = compile_regex(pattern)
    pieces = _template(replacement, regex.groups)
    constant = "".join(piece for piece in pieces if isinstance(piece, str))
    has_groups = any(isinstance(piece, int) for piece in pieces)

    def expand(match: Any) -> str:
        return "".join(piece if isinstance(piece, str) else (match.group(piece) or "") for piece in pieces)

    def replace(text: str) -> str:
        parts: list[str] = []
        at = size = count = 0
        deadline = time.monotonic() + SECONDS
        try:
            for match in regex.finditer(text):
                begin, end = match.span()
                new = expand(match) if has_groups else constant
                parts.append(text[at:begin])
                parts.append(new)
                size += len(new)
                at = end
                count += 1
                if size > LONGEST_RESULT:
                    raise Unconvertible("text-too-long", f"grows beyond {LONGEST_RESULT} characters.")
                if count % _LOOK_AT_CLOCK == 0 and time.monotonic() > deadline:
                    raise Unconvertible(
                        "pattern-too-slow",
                        f"takes the pattern “{pattern[:60]}” more than {SECONDS:g} s. "
                        "Make the pattern simpler, or split the text first.",
                    )
        except UnicodeEncodeError:
            raise _half_a_character() from None
        if not parts:
            return text
        parts.append(text[at:])
        return "".join(parts)

    return replace


def _template(replacement: str, groups: int) -> list[str | int]:
    pieces: list[str | int] = []
    text = ""
    at = 0
    while at < len(replacement):
        char = replacement[at]
        if char == "\\" and at + 1 < len(replacement):
            after = replacement[at + 1]
            if after.isascii() and after.isdigit():
                if int(after) > groups:
                    raise PatternRefused(f"\\{after} names a group, but the pattern has {groups}.")
                pieces += [text, int(after)]
                text = ""
            else:
                text += after if after == "\\" else char + after
            at += 2
            continue
        text += char
        at += 1
    pieces.append(text)
    return [piece for piece in pieces if piece != ""]


def _half_a_character() -> Unconvertible:
    return Unconvertible(
        "text-not-unicode", "holds half a character (a lone surrogate); correct it in the data."
    )
