"""Wrong control files. Each changes one thing of a sound one; `by_schema`: whether a schema can see it."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.unit.control.making import version_1

FIELD = {"source": "a", "name": "dcterms:title"}


class Wrong(NamedTuple):
    what: str
    control: Any
    code: str
    by_schema: bool = True


def _root(what: str, code: str, by_schema: bool = True, **root: Any) -> Wrong:
    return Wrong(what, version_1(**root), code, by_schema)


def _value(what: str, code: str, by_schema: bool = True, **keys: Any) -> Wrong:
    return Wrong(what, version_1({**FIELD, **keys}), code, by_schema)


def _one(what: str, code: str, instruction: Any, by_schema: bool = True) -> Wrong:
    return Wrong(what, version_1(instruction), code, by_schema)


def _file(what: str, code: str, by_schema: bool = True, **keys: Any) -> Wrong:
    return Wrong(what, version_1(files={"a": keys}), code, by_schema)


def _match(what: str, code: str, by_schema: bool = True, **keys: Any) -> Wrong:
    given = {"source": "i", "by": "dcterms:identifier"} | keys
    return Wrong(what, version_1(match={"item": given}), code, by_schema)


WRONG = (
    Wrong("a list", [], "not-an-object"),
    Wrong("nothing", {}, "missing-key"),
    _root("another version", "unknown-version", dataImportControlFileVersion=2),
    _root("a version as text", "wrong-kind", dataImportControlFileVersion="1"),
    _root("a model of Haplo", "unknown-word", model="haplo:person"),
    _root("an unknown key", "unknown-key", vizibility="public"),
    _root("no files", "empty", files={}),
    _root("a file as text", "wrong-kind", files={"a": "json"}),
    _root("instructions as an object", "wrong-kind", instructions={}),
    _root("a count as a word", "value", maxErrors="many"),
    _root("a negative count", "value", maxRemovals=-1),
    _root("a site as a boolean", "wrong-kind", sites=[True]),
    _root("a comment as a number", "wrong-kind", comment=1),
    _root("an unknown policy", "unknown-word", onConflict="overwrites"),
    _root("a blank target", "empty", target=" "),
    _root("over all", "value", False, maxErrors="101%"),
    _root("something to be decided", "todo", False, comment="TODO"),
    _root("a table of lists", "wrong-kind", mapping={"a": {"x": []}}),
    _root("an unknown mapping kind", "unknown-word", mapping={"a": {"using": "name", "values": {}}}),
    _root("a mapping without values", "missing-key", mapping={"a": {"using": "title"}}),
    _root(
        "an unknown option of a preset",
        "unknown-key",
        recordProcessor={"name": "omeka-classic-site", "user": {}},
    ),
    _root("an unknown preset", "unknown-word", False, recordProcessor="omeka-site"),
    _one("an instruction as text", "wrong-kind", "new"),
    _one("an action as a number", "wrong-kind", {"action": 1}),
    _one("an unknown action", "unknown-action", {"action": "feild"}),
    _one("an action of Haplo", "haplo", {"action": "set-attribute-group"}),
    _one("no name", "missing-key", {"source": "a"}),
    _one("no source", "missing-key", {"name": "dcterms:title"}),
    _one("two sources", "contradiction", {**FIELD, "expression": "a"}),
    _one("no constant", "missing-key", {"action": "set-value", "name": "dcterms:title"}),
    _one("a constant object", "wrong-kind", {"action": "set-value", "name": "dcterms:title", "value": {}}),
    _one("no values", "missing-key", {"action": "if-value-one-of", "source": "a"}),
    _one(
        "an unknown pseudo-destination",
        "unknown-destination",
        {"action": "field-structured", "structured": "value:x", "name": "dcterms:date"},
    ),
    _one(
        "two ways of a loop",
        "contradiction",
        {"action": "for-each", "source": "a", "split": {"b": ";"}, "instructions": []},
    ),
    _one("a loop over nothing", "missing-key", {"action": "for-each", "instructions": []}),
    _one("no message", "missing-key", {"action": "skip"}),
    _one("no columns", "empty", {"action": "fields", "fields": {}}),
    _one("a column without a name", "missing-key", {"action": "fields", "fields": {"A": {"split": ";"}}}),
    _one("existing as text", "wrong-kind", {"action": "assert-destination", "exists": "yes"}),
    _one("an unknown destination", "unknown-destination", {"action": "new", "destination": "items"}),
    _one("a bad label", "unknown-destination", {"action": "new", "destination": "item:a b"}),
    _one("an unknown loader", "unknown-destination", {"action": "load", "using": "identifier"}),
    _one("constants in a list", "wrong-kind", {"action": "new", "set": []}),
    _one(
        "nested in a condition",
        "unknown-action",
        {"action": "if-exists", "source": "a", "then": [{"action": "x"}]},
    ),
    _one("nothing makes it", "no-destination", {**FIELD, "destination": "item:artist"}, False),
    _value("a flag as text", "wrong-kind", multivalue="true"),
    _value("an unknown key of a value", "unknown-key", lang="en"),
    _value("a key of Haplo", "haplo", qualifier="x"),
    _value("an unknown word", "unknown-word", unmapped="keep", mapInputValue={}),
    _value("a long escape", "value", split=";", escape="\\\\"),
    _value("a type of Haplo", "haplo", type="text"),
    _value("an unknown numeric type", "unknown-type", type="numeric:timestmp"),
    _value("an unknown word in otherwise", "unknown-word", name="item-set", otherwise="make"),
    _value("a name in otherwise", "unknown-key", otherwise={"name": "dcterms:date"}),
    _value("a link to nothing", "missing-key", link={}),
    _value("a link to a pseudo-destination", "unknown-destination", link={"to": "value:uri", "by": "id"}),
    _value("an annotation as a list", "wrong-kind", annotation=[]),
    _value("a label of nothing", "missing-key", type="uri", label={}),
    _value("filters as text", "wrong-kind", filters="trim"),
    _value("an unknown filter", "unknown-filter", filters=["trm"]),
    _value("two filters in one", "contradiction", filters=[{"prefix": "a", "suffix": "b"}]),
    _value("an unknown object filter", "unknown-filter", filters=[{"cut": 3}]),
    _value("a replace without pattern", "missing-key", filters=[{"replace": {"with": ""}}]),
    _value("an unknown order", "unknown-word", filters=[{"date": {"order": "dym"}}]),
    _value("a pattern that is none", "pattern", False, filters=[{"replace": {"pattern": "(", "with": ""}}]),
    _value("an unknown term", "unknown-name", False, name="dcterms:titel"),
    _value("a date pattern that is none", "pattern", False, dateFormat="YYYY"),
    _value("an unknown table", "unknown-table", False, mapInputValue="t"),
    _one("an expression that is none", "expression", {"expression": "a[", "name": "dcterms:title"}, False),
    _one("an unknown function", "unknown-function", {"expression": "f(a)", "name": "dcterms:title"}, False),
    _file("no reader", "missing-key", required=True),
    _file("an unknown reader", "unknown-reader", read="excel"),
    _file("a key of another reader", "unknown-key", read="json", encoding="utf-8"),
    _file("a long separator", "value", read="csv", separator="||"),
    _file("a row before the first", "value", read="xlsx", headerRow=0),
    _file("a group without rows", "missing-key", read="csv", group={"by": ["a"]}),
    _file("a source without a name", "missing-key", read="omeka-s"),
    _file("an encoding that is none", "value", False, read="csv", encoding="utf8x"),
    Wrong("an empty name of a file", version_1(files={"": {"read": "json"}}), "value"),
    Wrong("no by", version_1(match={"item": {"source": "i"}}), "missing-key"),
    _match("by nothing", "empty", by=[]),
    _match("by an unknown object", "unknown-key", by={"all": ["dcterms:title"]}),
    _match("an unknown outcome", "unknown-word", gone="forget"),
    _match("where something else", "unknown-key", where={"set": 1}),
    Wrong(
        "sets of a media",
        version_1(match={"media": {"by": "dcterms:source", "where": {"item-set": 1}}}),
        "not-supported",
        False,
    ),
    _match("two sources of an identity", "contradiction", expression="i"),
    _match("too many sources", "contradiction", False, source=["a", "b"]),
)
