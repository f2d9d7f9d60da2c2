"""A value on its way: where it comes from, filters, types, links."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from service.control.model.names import Destination, Json, Property, PseudoValue, Term

# --- where a value comes from ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """A key of the current context (the record, or what `within` and `for-each` made current)."""

    key: str


@dataclass(frozen=True, slots=True)
class Expression:
    """A JMESPath expression over the current context; syntax and functions were checked.

    The functions beyond JMESPath's own stand in `service.control.functions`.
    """

    text: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that the control file itself gives. A list stands for each of its elements."""

    value: Json


@dataclass(frozen=True, slots=True)
class Collected:
    """What a pseudo-destination has collected (`field-structured`); taking it empties it."""

    pseudo: PseudoValue


Input: TypeAlias = "Source | Expression | Constant | Collected"
Selector: TypeAlias = "Source | Expression"
Text: TypeAlias = "str | Source | Expression"
"""A constant text, or one read from the context."""


# --- filters --------------------------------------------------------------------------------------

SimpleFilterName = Literal[
    "trim",
    "collapse-space",
    "lower",
    "upper",
    "strip-html",
    "to-string",
    "fix-up-url",
    "string-to-ref",
]


@dataclass(frozen=True, slots=True)
class SimpleFilter:
    """A filter without parameters.

    Of Haplo's: `haplo:to-lower-case` is `lower`, `haplo:to-upper-case` is `upper`, `haplo:to-string`
    is `to-string`; `fix-up-url` puts `https://` before an address that lacks its scheme;
    `string-to-ref` makes a resource's number of text, and nothing of what is no number.
    Text filters leave values that are not text as they are.
    """

    name: SimpleFilterName


@dataclass(frozen=True, slots=True)
class Replace:
    """Every match of `pattern` (RE2 syntax, linear time) is replaced; `\\1` … in `replacement` are groups."""

    pattern: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Prefix:
    text: str


@dataclass(frozen=True, slots=True)
class Suffix:
    text: str


@dataclass(frozen=True, slots=True)
class Format:
    """`{"format": "{value} ({unit})"}`: the text in pieces; a Source is a key of the context.

    `Source("value")` is the value itself. `{{` and `}}` were braces.
    """

    pieces: tuple[str | Source, ...]


DateOrder = Literal["dmy", "mdy", "ymd"]
DateForm = Literal["edtf", "interval", "timestamp"]


@dataclass(frozen=True, slots=True)
class DateFilter:
    """Reads a date as cataloguers write it.

    `order` decides `01/02/1999`, which is an error without it. `formats` are Java patterns tried
    first. `circa` is the number of years that `c.` widens to on either side. A text in `none`
    (compared trimmed, case ignored) means that there is no date. `to` is the form of the outcome.
    """

    order: DateOrder | None = None
    formats: tuple[str, ...] = ()
    circa: int = 5
    none: tuple[str, ...] = ()
    to: DateForm = "edtf"


Filter: TypeAlias = "SimpleFilter | Replace | Prefix | Suffix | Format | DateFilter"


# --- tables ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MappingTable:
    """A named table of `mapping`.

    `using` None: a plain table of values (for `mapInputValue` by name, and `lookup()`). Else Haplo's:
    an entry is an `id`, `title` or `identifier` of a resource in the target; `types` narrow where it
    is looked for: kinds (`item`, `item-set`, `media`), class terms, or labels of templates.
    """

    name: str
    values: Mapping[str, Json]
    using: Literal["id", "title", "identifier"] | None = None
    types: tuple[str, ...] = ()
    pointer: str = ""


# --- types ----------------------------------------------------------------------------------------

PlainTypeName = Literal["literal", "html", "uri", "resource", "integer", "number"]


@dataclass(frozen=True, slots=True)
class PlainType:
    name: PlainTypeName = "literal"
    named: bool = field(default=True, compare=False)
    """False: the control file names no type, and `literal` is what that means. A template may say more."""


@dataclass(frozen=True, slots=True)
class BooleanType:
    """`true_values` and `false_values`: what stands for either; empty: the usual words (true, yes, 1 …)."""

    true_values: tuple[str, ...] = ()
    false_values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DatetimeType:
    """A date read by a Java pattern (checked: by `service.control.patterns`).

    `time_zone` is an IANA name for patterns that give a time without a zone; None: no zone is written.
    """

    date_format: str
    time_zone: str | None = None


@dataclass(frozen=True, slots=True)
class OmekaType:
    """A data type of Omeka by its name: `numeric:timestamp`, `customvocab:Materials`, `valuesuggest:…`."""

    name: str


@dataclass(frozen=True, slots=True)
class MappedReference:
    """Haplo's `refMapping`: the value is looked up in a table, its entry found in the target."""

    table: MappingTable


TypeSpec: TypeAlias = "PlainType | BooleanType | DatetimeType | OmekaType | MappedReference"


@dataclass(frozen=True, slots=True)
class Link:
    """By what a value of type `resource` finds the resource it stands for.

    `by` and `scope` are resolved: where the control file leaves them out they are those of the
    destination's `match`. `by_number`: the value is the target's own number (`"by": "id"`); `by` is
    empty then. `where` of that match narrows the search in the target.
    """

    to: Destination
    by: tuple[Property, ...] = ()
    scope: str = ""
    by_number: bool = False
    any_of: bool = False
    """`by` are alternatives of which one must hold the value, rather than all together."""
    pointer: str = ""


# --- values ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Split:
    """One text into pieces. `escape` before the separator makes it part of the piece; with
    `brackets`, separators inside (), [], {} do not count."""

    separator: str
    escape: str | None = None
    brackets: bool = False


Unmapped = Literal["pass", "reject", "drop"]


@dataclass(frozen=True, slots=True)
class ValueMap:
    """`mapInputValue`: the value is replaced by its entry; the key `""` is for blank values.

    `default` is used for a value without an entry where `has_default`; else `unmapped` says what
    becomes of it.
    """

    table: Mapping[str, Json]
    has_default: bool = False
    default: Json = None
    unmapped: Unmapped = "pass"


FindBy = Literal["path", "name", "stem"]


@dataclass(frozen=True, slots=True)
class Find:
    """How a value of the name `file` finds an attachment."""

    by: FindBy = "path"
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Annotation:
    """A value about a value: `{"annotation": {"dcterms:source": {"source": "ref"}}}`."""

    name: Term
    value: ValueSpec


@dataclass(frozen=True, slots=True)
class ValueSpec:
    """How one or several values of a name are made. The fields stand in the order in which they apply.

    input → (a list: each of its elements) → `split` → `trim` → `map` → `filters` → `default` →
    `blank` → `type` (with `link`, `label`, `language`, `public`, `annotations`) → `otherwise` on
    failure → `unique` over the pieces.
    """

    input: Input
    split: Split | None = None
    trim: bool = True
    """False in version 0."""
    skip_falsy: bool = False
    """True in version 0: null, false and "" are no value (0 is one). In version 1 only null and blank
    text are blank."""
    map: ValueMap | None = None
    filters: tuple[Filter, ...] = ()
    has_default: bool = False
    default: Json = None
    blank: Literal["leave", "clear"] = "leave"
    """`leave`: as if the instruction were not there. `clear`: the name is emptied in Omeka."""
    type: TypeSpec = field(default_factory=PlainType)
    link: Link | None = None
    """Set for type `resource` only; None there: the value is the target's own number of the resource."""
    label: Text | None = None
    language: Text | None = None
    public: bool | None = None
    annotations: tuple[Annotation, ...] | None = None
    """None: not named, so never touched. (): present annotations are taken off."""
    find: Find | None = None
    """Set for the name `file` only."""
    otherwise: ValueSpec | None = None
    """What to do when a conversion or a link fails; inheritance is already resolved."""
    create_missing: bool = False
    """`"otherwise": "create"` on the name `item-set`: a set of that title is made."""
    unique: bool = False
    pointer: str = ""
