"""Instructions: one function for each action."""

from __future__ import annotations

from service.control import haplo
from service.control.assign import assign, field_assign, short_form
from service.control.context import Context
from service.control.document import Node, key_node
from service.control.keys import Read
from service.control.kinds import entries, shown
from service.control.matches import default_match
from service.control.model import (
    AbortRecord,
    AnyDestination,
    AssertDestination,
    Assign,
    Collected,
    Constant,
    Delete,
    Destination,
    ElementTexts,
    ForEach,
    IfExists,
    IfHasValue,
    IfValueOneOf,
    Instruction,
    Load,
    LogError,
    New,
    OnError,
    RemoveValues,
    Skip,
    Source,
    Split,
    Text,
    Within,
)
from service.control.names import any_destination, destination, load_key, name, pseudo_value
from service.control.problems import quoted
from service.control.shapes import DYNAMIC_SHAPE
from service.control.shapes_actions import ACTIONS
from service.control.words import IDENTITIES, RESOURCE_KINDS

_NO_INPUT = Source("")
"""Stands where an input is missing; the control file is refused then, so nothing ever reads it."""
_NOWHERE = Destination("item", "item")


def instructions(
    context: Context, node: Node | None, enclosing: OnError | None = None
) -> tuple[Instruction, ...]:
    """A list of instructions. What is wrong is reported; the outcome is of use only if nothing is."""
    if node is None:
        return ()
    return tuple(made for item in node.items for made in _instruction(context, item, enclosing))


def _instruction(context: Context, node: Node, enclosing: OnError | None) -> tuple[Instruction, ...]:
    if node.kind != "object":
        context.problems.error("wrong-kind", node, f"an instruction is an object, not {shown(node)}.")
        return ()
    word = node.members.get("action")
    action = "field" if word is None else word.text
    if word is not None and word.kind != "string":
        context.problems.error("wrong-kind", word, f"must be the name of an action, not {shown(word)}.")
        return ()
    known = ACTIONS.get(action)
    if known is None or known.since > context.version:
        _unknown_action(context, word or node, action)
        return ()
    given = context.read(known.shape, node)
    return _Maker(context, given, context.on_error(given, enclosing)).make(action)


def _unknown_action(context: Context, node: Node, action: str) -> None:
    refused = haplo.ACTIONS.get(action)
    if action in ACTIONS:
        said = f'the action "{action}" belongs to version 1: set "dataImportControlFileVersion" to 1.'
        context.problems.error("version-1-key", node, said)
    elif refused is not None:
        context.problems.error("haplo", node, f'the action "{action}" is not taken over: {refused.here}.')
    else:
        allowed = [word for word, known in ACTIONS.items() if known.since <= context.version]
        context.problems.unknown("unknown-action", node, "action", action, allowed)


class _Maker:
    """Makes one instruction of what was read of it."""

    def __init__(self, context: Context, given: Read, on_error: OnError | None) -> None:
        self.context = context
        self.given = given
        self.on_error = on_error
        self.pointer = given.node.pointer

    def make(self, action: str) -> tuple[Instruction, ...]:
        """`action` is one of `ACTIONS`."""
        match action:
            case "field" | "set-value" | "field-structured":
                return self._assign(action)
            case "fields":
                return self._fields()
            case "if-exists" | "if-value-one-of" | "if-has-value":
                return (self._condition(action),)
            case "within" | "for-each":
                return (self._nested(action),)
            case "new" | "load":
                return (self._resource(action),)
            case "element-texts":
                return (self._element_texts(),)
            case "remove-values":
                where = self._any_destination()
                node = self.given.get("name")
                named = name(self.context, node, where) if node is not None and where is not None else None
                return (RemoveValues(where, named, self.on_error, self.pointer),) if where and named else ()
            case _:
                return (self._simple(action),)

    def _simple(self, action: str) -> Instruction:
        message = self._message()
        match action:
            case "delete":
                where = self._destination()
                if where.kind in IDENTITIES:
                    said = f'an import deletes no "{where.kind}": delete it in Omeka, or undo its batch.'
                    self.context.problems.error("not-supported", self.given.node, said)
                return Delete(where, self.on_error, self.pointer)
            case "assert-destination":
                exists = self.given.flag("exists")
                return AssertDestination(self._destination(), exists, self.on_error, self.pointer)
            case "skip":
                return Skip(message, self.on_error, self.pointer)
            case "abort-record":
                return AbortRecord(message, self.on_error, self.pointer)
            case _:
                return LogError(message, self.on_error, self.pointer)

    def _message(self) -> Text:
        node = self.given.get("message")
        if node is None or node.kind == "string":
            return "" if node is None else node.text
        if self.context.version == 0:
            said = "a message that is read from the record belongs to version 1."
            self.context.problems.error("version-1-key", node, said)
        return self.context.selector(self.context.read(DYNAMIC_SHAPE, node)) or ""

    # --- values ---------------------------------------------------------------------------------

    def _element_texts(self) -> Instruction:
        where, given = self._destination(), self.given
        problems = self.context.problems
        if self.context.model != "omeka-classic":
            said = 'elements by any name are of Omeka Classic: set "model" to "omeka-classic".'
            problems.error("not-supported", given.node, said)
        if where.kind not in RESOURCE_KINDS:
            problems.error("not-supported", given.node, f'a "{where.kind}" has no element texts.')
        return ElementTexts(where, self.context.selector(given) or _NO_INPUT, self.on_error, self.pointer)

    def _assign(self, action: str) -> tuple[Instruction, ...]:
        given, context = self.given, self.context
        if action == "set-value":
            constant = given.get("value")
            return self._one(
                assign(context, given, Constant(constant.plain() if constant else None), self.on_error)
            )
        if action == "field":
            return self._one(assign(context, given, context.selector(given) or _NO_INPUT, self.on_error))
        structured = given.get("structured")
        pseudo = pseudo_value(context, structured) if structured is not None else None
        value = Collected(pseudo) if pseudo is not None else _NO_INPUT
        return self._one(assign(context, given, value, self.on_error))

    def _one(self, made: Assign | None) -> tuple[Instruction, ...]:
        return (made,) if made is not None else ()

    def _fields(self) -> tuple[Instruction, ...]:
        """Each entry becomes an assignment of its own; values append."""
        where = self._destination()
        columns = self.given.get("fields")
        made: list[Instruction] = []
        for column, node in columns.members.items() if columns is not None else ():
            for entry in node.items if node.kind == "array" else [node]:
                if entry.kind == "string":
                    one = short_form(self.context, entry, Source(column), where, self.on_error)
                else:
                    one = field_assign(self.context, entry, Source(column), where, self.on_error)
                made.extend(self._one(one))
        return tuple(made)

    # --- conditions and contexts ----------------------------------------------------------------

    def _condition(self, action: str) -> Instruction:
        given = self.given
        then = instructions(self.context, given.get("then"), self.on_error)
        orelse = instructions(self.context, given.get("else"), self.on_error)
        if "then" not in given.node.members and "else" not in given.node.members:
            self.context.problems.warn(
                "unused", given.node, f'"{action}" without "then" and "else" does nothing.'
            )
        if action == "if-has-value":
            where = self._any_destination()
            node = given.get("name")
            named = name(self.context, node, where) if node is not None and where is not None else None
            if where is None or named is None:
                return IfExists(_NO_INPUT)
            return IfHasValue(where, named, then, orelse, self.on_error, self.pointer)
        value = self.context.selector(given) or _NO_INPUT
        if action == "if-exists":
            return IfExists(value, then, orelse, self.on_error, self.pointer)
        values = given.get("values")
        plain = tuple(item.plain() for item in values.items) if values is not None else ()
        return IfValueOneOf(value, plain, then, orelse, self.on_error, self.pointer)

    def _nested(self, action: str) -> Instruction:
        given = self.given
        inner = instructions(self.context, given.get("instructions"), self.on_error)
        value = self.context.selector(given)
        if action == "within":
            return Within(value or _NO_INPUT, inner, self.on_error, self.pointer)
        split = given.get("split")
        escape, brackets = given.text("escape") or None, given.flag("brackets")
        columns = tuple(
            (column, Split(child.text, escape, brackets))
            for column, child in (split.members.items() if split is not None else ())
        )
        for key in ("escape", "brackets"):
            if key in given and "split" not in given.node.members:
                said = f'"{key}" has no effect without "split".'
                self.context.problems.error("contradiction", given.values[key], said)
        if split is not None and "wrapValues" in given:
            said = '"wrapValues" has no effect beside "split".'
            self.context.problems.error("contradiction", given.values["wrapValues"], said)
        return ForEach(value, inner, given.flag("wrapValues"), columns, self.on_error, self.pointer)

    # --- resources ------------------------------------------------------------------------------

    def _destination(self) -> Destination:
        node = self.given.get("destination")
        made = destination(self.context, node) if node is not None else None
        return made or _NOWHERE

    def _any_destination(self) -> AnyDestination | None:
        node = self.given.get("destination")
        return any_destination(self.context, node) if node is not None else _NOWHERE

    def _resource(self, action: str) -> Instruction:
        where = self._destination()
        if where.label not in self.context.match_labels and (own := default_match(where, self.pointer)):
            self.context.matches.setdefault(where.label, own)
        match = self.context.matches.get(where.label)
        if action == "new":
            return New(where, match, self._constants(where), self.on_error, self.pointer)
        using = self.given.get("using")
        key = load_key(self.context, using) if using is not None else None
        unsaid = "using" not in self.given.node.members and self.context.version == 1
        if unsaid and match is None and where.label not in self.context.match_labels:
            said = f'nothing says which {quoted(where.label)} is meant: give it a "match", or say "using".'
            self.context.problems.error("no-match", self.given.node, said)
        if key is not None and key.by is not None and where.kind in IDENTITIES:
            said = f'a "{where.kind}" has no properties to be found by: leave "using" out, or say load:by-id.'
            self.context.problems.error("not-supported", self.given.node, said)
        other = self.given.get("otherwise")
        otherwise = instructions(self.context, other, self.on_error) if other is not None else None
        return Load(where, key, None if key else match, otherwise, self.on_error, self.pointer)

    def _constants(self, where: Destination) -> tuple[Assign, ...]:
        node = self.given.get("set")
        made = []
        for _, child in entries(node):
            named = name(self.context, key_node(child), where)
            if named is not None:
                one = assign(self.context, Read(child), Constant(child.plain()), self.on_error, where, named)
                made.extend([one] if one is not None else [])
        return tuple(made)
