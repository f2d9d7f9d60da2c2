"""The keys of instructions, action by action."""

from __future__ import annotations

from dataclasses import dataclass

from service.control.keys import Key, Shape
from service.control.kinds import AnyOf, Anything, ListOf, MapOf, Ref, Text
from service.control.model import Version
from service.control.shapes import (
    ABOUT_KEYS,
    BOTH,
    CONSTANT,
    CUTTING_KEYS,
    DESTINATION_KEY,
    DYNAMIC,
    FLAG,
    INPUT_KEYS,
    INSTRUCTIONS,
    NAME_KEY,
    ON_ERROR,
    OTHERWISE_KEY,
    SCALAR,
    SETTING_KEYS,
    STRUCTURED,
    TEXT,
    TYPE,
    TYPE_KEYS,
    UNIQUE_KEY,
    USING,
    WAY_KEYS,
)

_THEN_ELSE = (
    Key("then", INSTRUCTIONS, "Run if it holds."),
    Key("else", INSTRUCTIONS, "Run if not."),
    ON_ERROR,
)
_ACTION = Key("action", TEXT, 'What the instruction does; "field" when absent.')
_MESSAGE = Key("message", DYNAMIC, "What the log and the report say.", required=BOTH)


def _action(name: str, doc: str, *keys: Key, since: Version = 0, choose: tuple[str, ...] = ()) -> Action:
    return Action(name, since, Shape(f'"{name}"', doc, (_ACTION, *keys), exactly_one=choose))


@dataclass(frozen=True, slots=True)
class Action:
    """An instruction's kind: the word, the version that has it, its keys."""

    name: str
    since: Version
    shape: Shape


_ALL_ACTIONS = (
    _action(
        "field",
        "Gives values of the record to a name.",
        *SETTING_KEYS,
        *INPUT_KEYS,
        *WAY_KEYS,
        *TYPE_KEYS,
        *ABOUT_KEYS,
        OTHERWISE_KEY,
        UNIQUE_KEY,
        choose=("source", "expression"),
    ),
    _action(
        "set-value",
        "Gives a constant to a name.",
        *SETTING_KEYS,
        Key("value", CONSTANT, "The constant; a list is several values.", required=BOTH),
        *WAY_KEYS,
        *TYPE_KEYS,
        *ABOUT_KEYS,
        OTHERWISE_KEY,
        UNIQUE_KEY,
    ),
    _action(
        "field-structured",
        "Gives a value that a pseudo-destination has collected.",
        *SETTING_KEYS,
        Key("structured", STRUCTURED, "The pseudo-destination, `value:…`.", required=BOTH),
        Key("type", TYPE, "The type of the value, where the kind allows several.", since=1),
        Key("public", FLAG, "Whether everybody sees the value.", since=1),
        Key(
            "annotation",
            MapOf(AnyOf((SCALAR, Ref("value", "an object"))), comment=True),
            "Values about the value.",
            since=1,
        ),
    ),
    _action(
        "element-texts",
        "Gives texts of an Omeka Classic to the elements of the same names.",
        DESTINATION_KEY,
        *INPUT_KEYS,
        ON_ERROR,
        since=1,
        choose=("source", "expression"),
    ),
    _action("remove-values", "Takes all values of a name away.", DESTINATION_KEY, NAME_KEY, ON_ERROR),
    _action(
        "if-exists", "Whether a key is there.", *INPUT_KEYS, *_THEN_ELSE, choose=("source", "expression")
    ),
    _action(
        "if-value-one-of",
        "Whether a value is one of several.",
        *INPUT_KEYS,
        Key("values", ListOf(Anything(), least=1), "The values.", required=BOTH),
        *_THEN_ELSE,
        choose=("source", "expression"),
    ),
    _action("if-has-value", "Whether the record has set a name.", DESTINATION_KEY, NAME_KEY, *_THEN_ELSE),
    _action(
        "within",
        "Runs instructions inside a nested object.",
        *INPUT_KEYS,
        Key("instructions", INSTRUCTIONS, "Run there.", required=BOTH),
        ON_ERROR,
        choose=("source", "expression"),
    ),
    _action(
        "for-each",
        "Runs instructions once for each element of a list.",
        *INPUT_KEYS,
        Key(
            "split",
            MapOf(Text(blank=True, pattern="(?s:.+)", says="a separator"), least=1),
            "Parallel columns of the context: column → separator.",
            since=1,
        ),
        *CUTTING_KEYS,
        Key("wrapValues", FLAG, 'Whether each element becomes {"value": element}.'),
        Key("instructions", INSTRUCTIONS, "Run for each element.", required=BOTH),
        ON_ERROR,
        choose=("source", "expression", "split"),
    ),
    _action(
        "new",
        "Makes a resource; with a match, creates or updates it.",
        DESTINATION_KEY,
        Key("set", MapOf(CONSTANT, comment=True), "Constants: name → value.", since=1),
        ON_ERROR,
    ),
    _action(
        "load",
        "Takes an existing resource.",
        DESTINATION_KEY,
        Key("using", USING, "What collected the identifier, `load:by-…`; else by match.", required=(0,)),
        Key("otherwise", INSTRUCTIONS, "Run if there is none; else the record is rejected."),
        ON_ERROR,
    ),
    _action("delete", "Deletes the loaded resource, last in its record.", DESTINATION_KEY, ON_ERROR, since=1),
    _action("skip", "Leaves the record out by rule.", _MESSAGE, ON_ERROR, since=1),
    _action(
        "fields",
        "The short form for spreadsheets: column → name.",
        DESTINATION_KEY,
        Key(
            "fields",
            MapOf(
                AnyOf(
                    (
                        TEXT,
                        Ref("fields-value", "an object"),
                        ListOf(AnyOf((TEXT, Ref("fields-value", "an object"))), least=1),
                    )
                ),
                least=1,
            ),
            "Column → name, or a value, or several.",
            since=1,
            required=(1,),
        ),
        ON_ERROR,
        since=1,
    ),
    _action(
        "assert-destination",
        "Rejects the record unless there is, or is not, a current resource.",
        DESTINATION_KEY,
        Key("exists", FLAG, "Whether there must be one.", required=BOTH),
        ON_ERROR,
    ),
    _action("abort-record", "Rejects the record.", _MESSAGE, ON_ERROR),
    _action("log-error", "Logs an error and goes on.", _MESSAGE, ON_ERROR),
)
ACTIONS: dict[str, Action] = {action.name: action for action in _ALL_ACTIONS}
