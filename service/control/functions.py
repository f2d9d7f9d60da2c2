"""The functions of expressions, beyond JMESPath's own: names, arguments and meaning.

This table is what a control file is checked against and what the reference lists; `worker.mapping`
carries the functions out, one for each entry. A null or blank text argument gives null unless the
description says otherwise, so that a missing field never becomes the text "None".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ArgumentType = Literal["any", "text", "number", "list", "object"]


@dataclass(frozen=True, slots=True)
class Function:
    """`arguments` in order; the last one may be repeated when `variadic` (it is then given at least once
    unless `optional`, the number of arguments at the end that may be left out, covers it)."""

    name: str
    arguments: tuple[ArgumentType, ...]
    returns: ArgumentType
    doc: str
    optional: int = 0
    variadic: bool = False

    @property
    def least(self) -> int:
        return len(self.arguments) - self.optional

    @property
    def most(self) -> int | None:
        """None: any number."""
        return None if self.variadic else len(self.arguments)


_TABLE = (
    Function("add", ("number", "number"), "number", "The sum."),
    Function("collapse_space", ("text",), "text", "Runs of white space become one space; trimmed."),
    Function("compact", ("list",), "list", "The list without nulls and blank texts."),
    Function(
        "concat",
        ("any",),
        "text",
        "All arguments one after the other as text; null is nothing. Null when all of them are.",
        variadic=True,
    ),
    Function(
        "date",
        ("text", "text"),
        "text",
        "The date as EDTF, read as the filter `date` reads it; the second argument is the order (`'dmy'`).",
        optional=1,
    ),
    Function(
        "default",
        ("any", "any"),
        "any",
        "The first argument that is neither null nor blank nor an empty list.",
        variadic=True,
    ),
    Function("divide", ("number", "number"), "number", "The quotient; null when the divisor is 0."),
    Function("entries", ("object",), "list", "A list of `{key, value}`, in the order of the object."),
    Function("file", (), "text", "The logical name of the file that the record comes from."),
    Function(
        "lookup", ("text", "any"), "any", "The entry of a plain table of `mapping` for a value, else null."
    ),
    Function("lower", ("text",), "text", "Lower case."),
    Function(
        "matches", ("text", "text"), "any", "Whether the pattern (RE2) is found in the text: true or false."
    ),
    Function("multiply", ("number", "number"), "number", "The product."),
    Function(
        "pad", ("any", "number", "text"), "text", "Filled up on the left to that length: `pad(no, `4`, '0')`."
    ),
    Function("record", (), "object", "The whole record, wherever `within` or `for-each` have led."),
    Function(
        "regex_extract", ("text", "text"), "text", "What the pattern's first group matched, or all of it."
    ),
    Function(
        "replace",
        ("text", "text", "text"),
        "text",
        "Every match of the pattern (RE2) replaced; `\\1` is a group.",
    ),
    Function(
        "round", ("number", "number"), "number", "Rounded half up to that many decimals (0).", optional=1
    ),
    Function("row", (), "number", "The number of the row, as reports give it."),
    Function("slug", ("text",), "text", "Lower-case ASCII letters and digits, joined by hyphens."),
    Function(
        "split", ("text", "text"), "list", "The pieces between separators, trimmed, blank ones left out."
    ),
    Function("strip_html", ("text",), "text", "The text without tags, entities resolved."),
    Function(
        "substring",
        ("text", "number", "number"),
        "text",
        "From a position (0 is the first), of a length.",
        optional=1,
    ),
    Function("subtract", ("number", "number"), "number", "The difference."),
    Function(
        "title_case", ("text",), "text", "The first letter of each word in upper case, the rest as it is."
    ),
    Function("trim", ("text",), "text", "White space taken off both ends."),
    Function("unique", ("list",), "list", "Each value once, at its first place."),
    Function("upper", ("text",), "text", "Upper case."),
    Function(
        "uri",
        ("text", "any"),
        "text",
        "The first text and then each argument percent-encoded.",
        variadic=True,
    ),
)

FUNCTIONS: dict[str, Function] = {function.name: function for function in _TABLE}
