"""Which keys every object of the language has: the tables that parser, JSON Schema and reference share."""

from __future__ import annotations

from typing import get_args

from service.control.keys import Key, Shape
from service.control.kinds import (
    AnyOf,
    Anything,
    Flag,
    Hinted,
    ListOf,
    MapOf,
    Ref,
    Text,
    Whole,
    Word,
    one_or_many,
)
from service.control.model import (
    Absent,
    DateForm,
    DateOrder,
    Duplicates,
    FindBy,
    Found,
    Gone,
    NotFound,
    Of,
    OnConflict,
    OnError,
    OnUpdate,
    Templates,
    Unmapped,
    Version,
    Visibility,
)
from service.control.words import (
    DCTERMS,
    DESTINATIONS,
    GEOGRAPHY_TYPES,
    MODELS,
    NUMERIC_TYPES,
    PLAIN_TYPES,
    PSEUDO_KINDS,
    WHERE_FIELDS,
)

BOTH: tuple[Version, ...] = (0, 1)
NUMBER = r"[0-9]{1,3}(\.[0-9]+)? ?%"

TEXT = Text()
FLAG = Flag()
COLUMN = Text(blank=True, says="the name of a key")
INSTRUCTIONS = Ref("instructions", "a list of instructions", ("array",))
FILTERS = ListOf(Ref("filter", "a filter, by name or as an object", ("string", "object")))
BUDGET = AnyOf((Whole(), Text(pattern=NUMBER, says='a count or a percentage such as "10%"')))
SCALAR = Anything(("string", "number", "boolean"), "a text, a number, or true or false")
NUMBER_OR_TEXT = AnyOf((TEXT, Whole(1)))
DYNAMIC = AnyOf((TEXT, Ref("dynamic", 'an object with "source" or "expression"')))
CONSTANT = AnyOf((SCALAR, ListOf(SCALAR, least=1)))

_LABELLED = f"(?:{'|'.join(DESTINATIONS)})(?::[A-Za-z0-9][A-Za-z0-9_.-]{{0,62}})?"
_COLLECTING = "|".join(f"value:{kind}" for kind in PSEUDO_KINDS)
_LOADING = r"load:by-(?:[A-Za-z]+|[A-Za-z][A-Za-z0-9_.-]*:[A-Za-z0-9_][A-Za-z0-9_.~-]*)"
RESOURCE = Hinted(TEXT, (("pattern", f"^{_LABELLED}$"),))
DESTINATION = Hinted(
    TEXT,
    (
        ("pattern", f"^(?:{_LABELLED}|{_COLLECTING}|{_LOADING})$"),
        ("examples", [*DESTINATIONS, *(f"value:{kind}" for kind in PSEUDO_KINDS)]),
    ),
)
STRUCTURED = Hinted(TEXT, (("enum", [f"value:{kind}" for kind in PSEUDO_KINDS]),))
USING = Hinted(TEXT, (("pattern", f"^{_LOADING}$"), ("examples", ["load:by-id", "load:by-identifier"])))
NAME = Hinted(TEXT, (("examples", [f"dcterms:{term}" for term in sorted(DCTERMS)]),))
_CLOSED_TYPES = [*PLAIN_TYPES, *NUMERIC_TYPES, *GEOGRAPHY_TYPES]
_OPEN_TYPE = r"^(?!(?:numeric|geography|geometry|resource):)[^:]+:.+"
TYPE = Hinted(
    TEXT,
    (
        ("anyOf", [{"enum": _CLOSED_TYPES}, {"pattern": _OPEN_TYPE}]),
        ("examples", [*_CLOSED_TYPES, "customvocab:NAME", "valuesuggest:NAME"]),
    ),
)


def literal(literal: object, what: str) -> Word:
    return Word(get_args(literal), what)


ON_ERROR = Key("onError", literal(OnError, "onError"), "What becomes of a record with a bad value.", since=1)

# --- the root -------------------------------------------------------------------------------------

ROOT = Shape(
    "the control file",
    "How a batch's files become Omeka resources.",
    (
        Key(
            "dataImportControlFileVersion",
            Anything(("number",), "0 or 1"),
            "The version of the language: 1, or 0 for Haplo's.",
            required=BOTH,
        ),
        Key("model", Word(MODELS, "model"), "Whose names are used.", required=BOTH),
        Key(
            "files",
            MapOf(Ref("file", "an object"), least=1, comment=True),
            "Logical name or glob → reader.",
            required=BOTH,
        ),
        Key("instructions", INSTRUCTIONS, "Run for each record, in order."),
        Key("mapping", MapOf(Ref("table", "an object"), comment=True), "Named value tables."),
        Key(
            "recordProcessor",
            AnyOf((TEXT, Ref("record-processor", "an object"))),
            "A built-in preset for a source, by name or with options.",
        ),
        Key("match", MapOf(Ref("match", "an object"), comment=True), "Identity per destination.", since=1),
        Key("target", TEXT, "The name of a configured target.", since=1),
        Key("visibility", literal(Visibility, "visibility"), "Of created resources.", since=1),
        Key(
            "sites", ListOf(NUMBER_OR_TEXT), "Sites of created resources, by slug, title or number.", since=1
        ),
        ON_ERROR,
        Key("onConflict", literal(OnConflict, "onConflict"), "What becomes of edits made in Omeka.", since=1),
        Key("maxErrors", BUDGET, "How many rejected records stop the run; 10% when unsaid.", since=1),
        Key("maxRemovals", BUDGET, "How many removals stop the run; 10% when unsaid.", since=1),
        Key("$schema", TEXT, "For editors; has no effect.", since=1),
        Key("templates", literal(Templates, "templates"), "What resource templates do.", since=1),
    ),
)

ROLES = ("researcher", "author", "reviewer", "editor")
"""What a preset may make of users."""
RECORD_PROCESSOR = Shape(
    "recordProcessor",
    "A built-in preset with options.",
    (
        Key("name", Word(("omeka-classic-site",), "preset"), "The preset.", required=BOTH),
        Key("users", MapOf(TEXT), "User there → e-mail here.", since=1),
        Key(
            "elementSets", Word(("keep", "override")), "Whether element sets here stay as they are.", since=1
        ),
        Key("exhibits", FLAG, "Whether exhibits become sites with pages; yes when unsaid.", since=1),
        Key("geolocation", FLAG, "Whether places are taken over; yes when unsaid.", since=1),
        Key("html", Word(("keep", "strip")), "What becomes of HTML in texts; kept when unsaid.", since=1),
        Key("typeMap", MapOf(Text(blank=True)), "Item type there → class here; blank for none.", since=1),
        Key("elementMap", MapOf(Text(blank=True)), "Element there → term here; blank for none.", since=1),
        Key("createUsers", Word(ROLES, "role"), "Role of users that are made here; unsaid, none.", since=1),
        Key("simplePages", TEXT, "Slug of the site here that gets the simple pages.", since=1),
        Key("dates", FLAG, "Whether the dates of records become values.", since=1),
    ),
)

TABLE = Shape(
    "a mapping",
    "Haplo's mapping to resources of the target; a plain table has none of these keys.",
    (
        Key("using", Word(("id", "title", "identifier"), "mapping"), "What the values are.", required=BOTH),
        Key("values", MapOf(AnyOf((Text(blank=True), Whole()))), "Input value → resource.", required=BOTH),
        Key("types", ListOf(TEXT), "Kinds, class terms or template labels that narrow the search."),
    ),
)
TABLE_ENTRY = Anything(("string", "number", "boolean", "null"), "a text, a number, true, false or null")

MATCH = Shape(
    "match",
    "How a resource is known again.",
    (
        Key("source", one_or_many(COLUMN), "The key of the identifier; a list for several `by`.", since=1),
        Key("expression", TEXT, "The identifier by an expression.", since=1),
        Key("filters", FILTERS, "For the identifier.", since=1),
        Key(
            "by",
            AnyOf((TEXT, ListOf(TEXT, least=1), Ref("any", 'an object with "any"'))),
            "The property that bears it; several together, or alternatives.",
            since=1,
            required=(1,),
        ),
        Key("scope", Text(blank=True, most=255), "Keeps sources apart.", since=1),
        Key("where", Ref("where", "an object"), "Narrows the first meeting.", since=1),
        Key("notFound", literal(NotFound, "notFound"), "No such resource.", since=1),
        Key("found", literal(Found, "found"), "There is one.", since=1),
        Key("gone", literal(Gone, "gone"), "There was one, and somebody deleted it.", since=1),
        Key("duplicates", literal(Duplicates, "duplicates"), "Two records of one identity.", since=1),
        Key("absent", literal(Absent, "absent"), "Resources of the scope that no record mentions.", since=1),
    ),
    at_most_one=(("source", "expression"),),
)
ANY = Shape(
    'an alternative "by"',
    "Alternatives of which one must bear the identifier.",
    (Key("any", ListOf(TEXT, least=1), "Properties.", since=1, required=(1,)),),
)
WHERE = Shape(
    "where",
    "Narrows the search for resources.",
    tuple(Key(name, NUMBER_OR_TEXT, f"Only resources of this {name}.", since=1) for name in WHERE_FIELDS),
)

# --- values ---------------------------------------------------------------------------------------

INPUT_KEYS = (
    Key("source", COLUMN, "A key of the current context."),
    Key("expression", TEXT, "A JMESPath expression over the current context.", since=1),
)
CUTTING_KEYS = (
    Key(
        "escape", Text(pattern="(?s:.)", says="one character"), "Keeps a separator that follows it.", since=1
    ),
    Key("brackets", FLAG, "Whether separators inside brackets do not count.", since=1),
)
WAY_KEYS = (
    Key(
        "split", Text(blank=True, pattern="(?s:.+)", says="a separator"), "Cuts a text into pieces.", since=1
    ),
    *CUTTING_KEYS,
    Key(
        "mapInputValue",
        AnyOf((TEXT, MapOf(TABLE_ENTRY))),
        "Value → value, or (version 1) the name of a plain table of `mapping`.",
    ),
    Key("mapInputValueDefault", TABLE_ENTRY, "For values without an entry."),
    Key("unmapped", literal(Unmapped, "unmapped"), "What becomes of values without an entry.", since=1),
    Key("filters", FILTERS, "Applied in order."),
    Key("default", SCALAR, "For when nothing is left.", since=1),
    Key("blank", Word(("leave", "clear"), "blank"), "What a blank value does.", since=1),
)
TYPE_KEYS = (
    Key("type", TYPE, "The type of the value.", since=1),
    Key("link", Ref("link", "an object"), "The resource that the value stands for.", since=1),
    Key("dateFormat", TEXT, "A Java date pattern; makes the value a date."),
    Key("timeZone", TEXT, "The zone of times without one, by IANA name.", since=1),
    Key("trueValue", one_or_many(Text(blank=True)), "What stands for true."),
    Key("falseValue", one_or_many(Text(blank=True)), "What stands for false."),
    Key("refMapping", TEXT, "The name of a mapping to resources."),
)
ABOUT_KEYS = (
    Key("label", DYNAMIC, "The text of an address.", since=1),
    Key("language", DYNAMIC, "The language tag.", since=1),
    Key("public", FLAG, "Whether everybody sees the value.", since=1),
    Key(
        "annotation",
        MapOf(AnyOf((SCALAR, Ref("value", "an object"))), comment=True),
        "Values about the value: term → constant or value.",
        since=1,
    ),
    Key(
        "findBy",
        literal(FindBy, "findBy"),
        "How `file` finds an attachment. With it `thumbnail` takes one too.",
        since=1,
    ),
    Key("ignoreCase", FLAG, "Whether `file` ignores case.", since=1),
)
OTHERWISE_KEY = Key(
    "otherwise",
    AnyOf((Word(("create",), "otherwise"), Ref("value", "an object"))),
    "Another value for when a conversion or link fails; what it leaves out it inherits.",
    since=1,
)
UNIQUE_KEY = Key("unique", FLAG, "Whether equal pieces are written once.", since=1)
DESTINATION_KEY = Key(
    "destination", DESTINATION, 'What is filled; "item" when absent (version 1).', required=(0,)
)
NAME_KEY = Key("name", NAME, "The name that gets the value.", required=BOTH)
SETTING_KEYS = (
    DESTINATION_KEY,
    NAME_KEY,
    Key("multivalue", FLAG, "Appends instead of replacing what the record set before."),
    Key("onUpdate", literal(OnUpdate, "onUpdate"), "What becomes of the present values.", since=1),
    Key("of", literal(Of, "of"), "Which present values are replaced.", since=1),
    ON_ERROR,
)

VALUE = Shape(
    "a value",
    "How a value is made, without where it goes (in `otherwise` and `annotation`).",
    (
        *INPUT_KEYS,
        Key("value", CONSTANT, "A constant.", since=1),
        *WAY_KEYS,
        *TYPE_KEYS,
        *ABOUT_KEYS,
        OTHERWISE_KEY,
        UNIQUE_KEY,
    ),
    at_most_one=(("source", "expression", "value"),),
)
TYPE_KEY_NAMES: tuple[str, ...] = tuple(key.name for key in TYPE_KEYS)
DYNAMIC_SHAPE = Shape(
    "a text from the record",
    "A text that is read from the record.",
    INPUT_KEYS,
    exactly_one=("source", "expression"),
)
LINK = Shape(
    "link",
    "By what a value finds the resource that it stands for.",
    (
        Key("to", RESOURCE, "The destination of that resource.", since=1, required=(1,)),
        Key("by", one_or_many(TEXT), 'The property, or "id"; else as the destination\'s `match`.', since=1),
        Key("scope", Text(blank=True, most=255), "Else as the destination's `match`.", since=1),
    ),
)
FIELDS_VALUE = Shape(
    "a value of fields",
    "A column's value, in the short form for spreadsheets.",
    (NAME_KEY, *WAY_KEYS, *TYPE_KEYS, *ABOUT_KEYS, OTHERWISE_KEY, UNIQUE_KEY, *SETTING_KEYS[3:]),
)

# --- filters --------------------------------------------------------------------------------------

REPLACE = Shape(
    "replace",
    "Every match of a regular expression is replaced.",
    (
        Key("pattern", Text(blank=True, pattern="(?s:.+)", says="a pattern"), "RE2 syntax.", 1, (1,)),
        Key("with", Text(blank=True), r"The text instead; \1 is the first group.", 1, (1,)),
    ),
)
DATE = Shape(
    "date",
    "A date as people write it.",
    (
        Key("order", literal(DateOrder, "order"), "How 01/02/1999 is meant.", since=1),
        Key("formats", ListOf(TEXT), "Java date patterns that are tried first.", since=1),
        Key("circa", Whole(0, 1000), "Years that `c.` widens to on either side; 5 when unsaid.", since=1),
        Key("none", ListOf(TEXT), "Texts that say there is no date.", since=1),
        Key("to", literal(DateForm, "form"), "The form of the outcome; edtf when unsaid.", since=1),
    ),
)
