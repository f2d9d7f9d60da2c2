"""A value on its way from the record to a name: everything between `source` and `unique`."""

from __future__ import annotations

import re

from service.control.context import Context
from service.control.document import Node, key_node
from service.control.filters import filters
from service.control.keys import Read
from service.control.kinds import entries
from service.control.links import link
from service.control.model import (
    SHOWN,
    THUMBNAIL,
    Annotation,
    Constant,
    Destination,
    FieldName,
    Find,
    Input,
    Link,
    Name,
    PlainType,
    Split,
    Term,
    Text,
    TypeSpec,
    Unmapped,
    ValueMap,
    ValueSpec,
)
from service.control.names import field_doc, property_name
from service.control.problems import quoted
from service.control.shapes import DYNAMIC_SHAPE, TYPE_KEY_NAMES, VALUE
from service.control.types import takes_label, takes_language, type_spec

_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_UNMAPPED: dict[str, Unmapped] = {"pass": "pass", "reject": "reject", "drop": "drop"}
_INPUTS = ("source", "expression", "value")
_REPLACE_TYPE = ("type", "link", "refMapping")


def value_spec(
    context: Context, given: Read, value: Input, name: Name, where: Destination | None
) -> ValueSpec:
    """How an instruction's value is made. What is wrong is reported; the outcome is good only without."""
    return _Maker(context, name, where).make(given, value, inherited=frozenset())


class _Maker:
    """Makes a value for one name; `otherwise` and annotations are made by it too."""

    def __init__(self, context: Context, name: Name, where: Destination | None) -> None:
        self.context = context
        self.name = name
        self.field = field_doc(where, name) if where is not None and isinstance(name, FieldName) else None

    def make(self, given: Read, value: Input, inherited: frozenset[str]) -> ValueSpec:
        """`inherited`: keys of an enclosing value, which are dropped where they do not fit."""
        context = self.context
        self._check_company(given, inherited)
        spec = type_spec(context, given, self.name, self.field)
        linked, public, otherwise = given.get("link"), given.get("public"), given.get("otherwise")
        alternative = otherwise is not None and otherwise.kind == "object"
        return ValueSpec(
            input=value,
            split=self._split(given),
            trim=context.version == 1,
            skip_falsy=context.version == 0,
            map=self._map(given),
            filters=filters(context, given.get("filters")),
            has_default="default" in given,
            default=given.plain("default"),
            blank="clear" if given.text("blank") == "clear" else "leave",
            type=spec or PlainType(),
            link=self._link(linked) if linked is not None else None,
            label=self._label(given, spec, inherited),
            language=self._language(given, spec, inherited),
            public=bool(public.scalar) if public is not None else None,
            annotations=self._annotations(given),
            find=self._find(given),
            otherwise=self._otherwise(given, otherwise, value) if otherwise and alternative else None,
            create_missing=otherwise is not None and not alternative,
            unique=given.flag("unique"),
            pointer=given.node.pointer,
        )

    # --- parts ----------------------------------------------------------------------------------

    def _link(self, node: Node) -> Link | None:
        made = link(self.context, node)
        if made is not None and self.name == SHOWN and made.to.kind != "item":
            self._contradiction(node, f'a page shows items, and no "{made.to.kind}".')
        return made

    def _split(self, given: Read) -> Split | None:
        if "split" not in given:
            return None
        return Split(given.text("split"), given.text("escape") or None, given.flag("brackets"))

    def _map(self, given: Read) -> ValueMap | None:
        node = given.get("mapInputValue")
        if node is None:
            return None
        entries = node.plain()
        if node.kind == "string":
            table = self.context.tables.get(node.text)
            if self.context.version == 0:
                self.context.problems.error("version-1-key", node, "tables by name belong to version 1.")
            elif table is None or table.using is not None:
                self._no_table(node)
            entries = dict(table.values) if table is not None else {}
        return ValueMap(
            entries if isinstance(entries, dict) else {},
            has_default="mapInputValueDefault" in given,
            default=given.plain("mapInputValueDefault"),
            unmapped=_UNMAPPED.get(given.text("unmapped"), "pass"),
        )

    def _no_table(self, node: Node) -> None:
        context = self.context
        if node.text in context.tables:
            said = f'the mapping {quoted(node.text)} leads to resources; use "refMapping".'
            context.problems.error("unknown-table", node, said)
        elif node.text not in context.table_names:
            context.problems.unknown("unknown-table", node, "mapping", node.text, context.table_names)

    def _dynamic(self, node: Node | None) -> Text | None:
        if node is None:
            return None
        if node.kind == "string":
            return node.text
        return self.context.selector(self.context.read(DYNAMIC_SHAPE, node))

    def _label(self, given: Read, spec: TypeSpec | None, inherited: frozenset[str]) -> Text | None:
        node = given.get("label")
        if node is None:
            return None
        if spec is not None and not takes_label(spec):
            if "label" not in inherited:
                self._contradiction(node, '"label" belongs to the type "uri", or to a suggester\'s.')
            return None
        return self._dynamic(node)

    def _language(self, given: Read, spec: TypeSpec | None, inherited: frozenset[str]) -> Text | None:
        node = given.get("language")
        if node is None:
            return None
        if spec is not None and not takes_language(spec):
            if "language" not in inherited:
                self._contradiction(node, "a value of this type has no language.")
            return None
        made = self._dynamic(node)
        if isinstance(made, str) and not _LANGUAGE.fullmatch(made):
            self.context.problems.error(
                "value", node, f"{quoted(made)} is no language tag such as en or pt-BR."
            )
        return made

    def _find(self, given: Read) -> Find | None:
        if self.name != FieldName("file") and not (self.name == THUMBNAIL and "findBy" in given):
            return None
        ignore = given.flag("ignoreCase")
        match given.text("findBy"):
            case "name":
                return Find("name", ignore)
            case "stem":
                return Find("stem", ignore)
            case _:
                return Find("path", ignore)

    def _annotations(self, given: Read) -> tuple[Annotation, ...] | None:
        node = given.get("annotation")
        if node is None:
            return None
        made = []
        for _, child in entries(node):
            name = property_name(self.context, key_node(child))
            if isinstance(name, Term):
                made.append(Annotation(name, self._annotation(child, name)))
            elif name is not None:
                self._contradiction(child, "only terms annotate a value.")
        return tuple(made)

    def _annotation(self, node: Node, term: Term) -> ValueSpec:
        maker = _Maker(self.context, term, None)
        if node.kind != "object":
            return maker.make(Read(node), Constant(node.plain()), inherited=frozenset())
        given = self.context.read(VALUE, node)
        if not any(key in node.members for key in _INPUTS):
            said = 'an annotation needs "source", "expression" or "value".'
            self.context.problems.error("missing-key", node, said)
        return maker.make(given, maker.input(given), inherited=frozenset())

    def input(self, given: Read) -> Input:
        value = given.get("value")
        if value is not None:
            return Constant(value.plain())
        return self.context.selector(given) or Constant(None)

    def _otherwise(self, outer: Read, node: Node, value: Input) -> ValueSpec:
        """What it leaves out it inherits; a type of its own replaces all that made the outer type."""
        given = self.context.read(VALUE, node)
        kept = {key: child for key, child in outer.values.items() if key in VALUE.by_name()}
        kept.pop("otherwise", None)
        if any(key in node.members for key in _INPUTS):
            kept = {key: child for key, child in kept.items() if key not in _INPUTS}
            value = self.input(given)
        if any(key in given for key in _REPLACE_TYPE):
            kept = {key: child for key, child in kept.items() if key not in TYPE_KEY_NAMES}
        if not node.members:
            self._contradiction(node, "it says nothing, so it would fail in the same way.")
        merged = Read(node, {**kept, **given.values})
        return self.make(merged, value, inherited=frozenset(kept.keys() - given.values.keys()))

    # --- keys that need each other --------------------------------------------------------------

    def _check_company(self, given: Read, inherited: frozenset[str]) -> None:
        for key, needed in (
            ("escape", "split"),
            ("brackets", "split"),
            ("mapInputValueDefault", "mapInputValue"),
            ("unmapped", "mapInputValue"),
        ):
            if key in given and needed not in given and needed not in given.node.members:
                self._contradiction(given.values[key], f'"{key}" has no effect without "{needed}".')
        if "unmapped" in given and "mapInputValueDefault" in given:
            self._contradiction(
                given.values["unmapped"], '"unmapped" has no effect beside "mapInputValueDefault".'
            )
        if self.name == THUMBNAIL:
            if "ignoreCase" in given and "findBy" not in given:
                said = '"ignoreCase" has no effect on a "thumbnail" without "findBy", which makes it a file.'
                self._contradiction(given.values["ignoreCase"], said)
        elif self.name != FieldName("file"):
            self._not_here(given, ("findBy", "ignoreCase"), 'the names "file" and "thumbnail"', inherited)
        if self.field is not None:
            self._not_here(given, ("language", "label", "public", "annotation"), "properties", inherited)
        create = given.get("otherwise")
        if create is not None and create.kind == "string" and self.name != FieldName("item-set"):
            said = f'"otherwise": "create" makes item sets; "{self.name}" needs a value.'
            self._contradiction(create, said)

    def _not_here(self, given: Read, keys: tuple[str, ...], belongs: str, inherited: frozenset[str]) -> None:
        for key in keys:
            if key in given and key not in inherited:
                said = f'"{key}" belongs to {belongs}, not to "{self.name}".'
                self._contradiction(given.values[key], said)

    def _contradiction(self, node: Node, said: str) -> None:
        """An error in version 1; Haplo would have ignored it, and so it is a warning in version 0."""
        if self.context.version == 0:
            self.context.problems.warn("contradiction", node, said)
        else:
            self.context.problems.error("contradiction", node, said)
