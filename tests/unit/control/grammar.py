"""Random control files, made of the tables that the parser reads by, and then damaged.

A seed stands for one file: what fails is repeated by its number.
"""

from __future__ import annotations

import random
from typing import Any

from service.control.keys import Shape
from service.control.kinds import AnyOf, Anything, Flag, Hinted, Kind, ListOf, MapOf, Ref, Text, Whole, Word
from service.control.shapes import LINK, MATCH, ROOT, VALUE
from service.control.shapes_actions import ACTIONS
from service.control.shapes_files import READERS

_DESTINATIONS = "item item:a item-set media geolocation value:uri value:literal value:date uri value start"
_NAMES = "dcterms:title dcterms:titel public class tags file url point Item:Text literal resource datetime"
_OTHERS = "customvocab:x numeric:interval yyyy dd/MM/YYYY 10% a.b a[ split(a) trim date * ** ../x DEFAULT"
WORDS = [
    *ACTIONS,
    *READERS,
    *(word for line in (_DESTINATIONS, _NAMES, _OTHERS) for word in line.split()),
    "load:by-id",
    "TODO",
    "a b",
    " ",
    "\u0000",
    "\ud800",
    "é",
    "(" * 200,
    "{value} {",
]
_OF_ACTIONS = [action.shape for action in ACTIONS.values()]
_OF_READERS = [reader.shape for reader in READERS.values()]
KEYS = sorted(
    {
        key.name
        for shape in (
            ROOT,
            MATCH,
            VALUE,
            LINK,
            *(one.shape for one in (*ACTIONS.values(), *READERS.values())),
        )
        for key in shape.keys
    }
    | {"any", "pattern", "with", "using", "values", "types", "replace", "date", "comment", "strange"}
)
_TERMS = [
    "dcterms:title",
    "dcterms:date",
    "dcterms:creator",
    "public",
    "item-set",
    "tags",
    "class",
    "bibo:isbn",
]
RIGHT: dict[str, list[Any]] = {
    "destination": ["item", "item", "item", "item:a", "media", "item-set", "value:uri", "value:literal"],
    "name": [*_TERMS, "uri", "label", "value", "language", "file", "url"],
    "structured": ["value:uri", "value:literal"],
    "using": ["load:by-id", "load:by-identifier"],
    "expression": ["a.b", "split(a, ';')", "[].c", "record().x", "a[?b==`1`]"],
    "type": ["literal", "uri", "html", "integer", "numeric:timestamp"],
    "dateFormat": ["dd/MM/yyyy"],
    "timeZone": ["Europe/London"],
    "to": ["item", "item:a"],
    "by": ["dcterms:identifier", "bibo:isbn", ["dcterms:title"], {"any": ["dcterms:title", "dcterms:date"]}],
    "language": ["en", "pt-BR", {"source": "l"}],
    "mapInputValue": [{"a": "b", "": 1}, {}],
    "encoding": ["utf-8", "cp1252"],
    "charset": ["utf-8"],
    "record": ["a/b"],
    "maxErrors": [3, "10%"],
}
_FILTERS = [
    "trim",
    "upper",
    {"prefix": "x"},
    {"date": {"order": "dmy"}},
    {"replace": {"pattern": "a", "with": ""}},
]


def control_of(seed: int) -> Any:
    """The control file of a seed: some as the grammar has them, most with a few things changed."""
    maker = _Maker(random.Random(seed))
    control = maker.control()
    for _ in range(maker.random.choice([0, 1, 1, 2, 4])):
        maker.damage(control)
    return control


class _Maker:
    def __init__(self, source: random.Random) -> None:
        self.random = source

    def control(self) -> dict[str, Any]:
        pick = self.random.choice
        readers = [pick(list(READERS)) for _ in range(pick([1, 1, 2]))]
        made: dict[str, Any] = {
            "dataImportControlFileVersion": pick([1, 1, 1, 1, 0, 2]),
            "model": pick(["omeka", "omeka-s", "omeka-classic"]),
            "files": {pick(["data0", "a*", "**", "DEFAULT"]): self.file(reader) for reader in readers},
            "instructions": [{"action": "new"}, *(self.instruction(3) for _ in range(pick(range(6))))],
        }
        if pick([True, False]):
            made["match"] = {label: self.shape(MATCH, 1) for label in ("item", "item:a")}
        for key in ROOT.keys:
            if key.name not in made and pick([True, False, False, False]):
                made[key.name] = self.of(key.kind, key.name, 2)
        return made

    def file(self, reader: str) -> dict[str, Any]:
        return {**self.shape(READERS[reader].shape, 1), "read": reader}

    def instruction(self, depth: int) -> dict[str, Any]:
        name = self.random.choice(list(ACTIONS))
        return {**self.shape(ACTIONS[name].shape, depth), "action": name}

    def shape(self, shape: Shape, depth: int) -> dict[str, Any]:
        """What must be there, and a few of what may."""
        kinds = {key.name: key.kind for key in shape.keys}
        names = [key.name for key in shape.keys if 1 in key.required]
        if shape.exactly_one:
            names.append(self.random.choice(shape.exactly_one))
        others = [name for name in kinds if name not in names and name not in shape.exactly_one]
        names += self.random.sample(others, min(len(others), self.random.choice([0, 1, 2, 3])))
        return {name: self.of(kinds[name], name, depth) for name in names}

    def of(self, kind: Kind, name: str, depth: int) -> Any:
        """A value that the table allows; what it cannot say is taken from `RIGHT`."""
        pick = self.random.choice
        if name in RIGHT:
            return pick(RIGHT[name])
        match kind:
            case Hinted():
                return self.of(kind.kind, name, depth)
            case Word():
                return pick(kind.words)
            case Flag():
                return pick([True, False])
            case Whole():
                return kind.least + pick([0, 1, 7])
            case Text():
                return pick(["a", "b", ";", "x"])
            case ListOf():
                return [self.of(kind.of, "", depth - 1) for _ in range(pick([kind.least, 1, 2]))]
            case MapOf():
                return {pick(_TERMS): self.of(kind.of, "", depth - 1) for _ in range(pick([1, 2]))}
            case AnyOf():
                return self.of(pick(kind.kinds), name, depth)
            case Anything():
                return pick(["a", "b"])
            case Ref():
                return self.reference(kind.name, depth)
        raise AssertionError(kind)

    def reference(self, name: str, depth: int) -> Any:
        pick = self.random.choice
        match name:
            case "instructions":
                return [self.instruction(depth - 1) for _ in range(pick([0, 1, 2]))] if depth > 0 else []
            case "value":
                return self.shape(VALUE, depth - 1) if depth > 0 else {"source": "b"}
            case "dynamic":
                return {"source": "lang"}
            case "link":
                return self.shape(LINK, depth)
            case "filter":
                return pick(_FILTERS)
            case "fields-value":
                return {"name": pick(_TERMS), "split": ";"}
            case "group":
                return {"by": ["a"], "rows": "rows"}
            case "where":
                return {"template": pick(["Artwork", 3])}
            case "table":
                return pick([{"a": "b"}, {"using": "title", "values": {"a": "b"}}])
            case "record-processor":
                return {"name": "omeka-classic-site"}
            case _:
                return self.anything(depth)

    def anything(self, depth: int) -> Any:
        pick = self.random.choice
        if depth <= 0 or pick([True, False]):
            return pick([*WORDS, 0, 1, -1, 1.5, 10**30, True, False, None])
        if pick([True, False]):
            return [self.anything(depth - 1) for _ in range(pick([0, 1, 3]))]
        return {pick(KEYS): self.anything(depth - 1) for _ in range(pick([0, 1, 3]))}

    def damage(self, control: Any) -> None:
        """Replaces, renames, adds or takes out one thing somewhere."""
        pick = self.random.choice
        container, key = pick(_places(control))
        change = pick(["replace", "remove", "add", "rename"])
        if change == "replace":
            container[key] = self.anything(3)
        elif change == "remove" and len(control) > 1:
            del container[key]
        elif isinstance(container, dict):
            container[pick(KEYS)] = container.pop(key) if change == "rename" else self.anything(3)
        else:
            container.insert(key, self.anything(3))


def _places(thing: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys or indexes."""
    found: list[tuple[Any, Any]] = []
    todo = [thing]
    while todo:
        one = todo.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else []
        for key in keys:
            found.append((one, key))
            todo.append(one[key])
    return found
