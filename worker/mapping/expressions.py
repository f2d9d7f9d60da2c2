"""Expressions: JMESPath with the functions of `service.control.functions`, compiled to closures.

JMESPath itself cannot loop, but an expression can double a list with every few characters, so each
evaluation has a budget of steps; it is spent by what is walked or made, and does not depend on a clock.
A field, a path and a projection are compiled to plain loops, several times faster than the library's
interpreter; that both agree is tested against the library.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Mapping
from typing import Any, cast

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.visitor import _Expression

from service.control.functions import FUNCTIONS
from service.control.patterns import expression_faults
from worker.mapping.expression_functions import implementation
from worker.mapping.expression_scope import STEPS, Meter, Scope
from worker.mapping.problems import Unconvertible

DEEPEST = 200
"""Levels of nesting in an expression."""

Getter = Callable[[Any], Any]


class ExpressionRefused(ValueError):
    """The expression cannot be run; the message is a sentence for a person."""


def compile_expression(text: str, scope: Scope) -> Getter:
    """A function context → value. It raises `Unconvertible`; compiling raises `ExpressionRefused`."""
    faults = expression_faults(text)
    if faults:
        raise ExpressionRefused(faults[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = jmespath.compile(text).parsed
    if _depth(tree) > DEEPEST:
        raise ExpressionRefused(f"the expression is nested more than {DEEPEST} levels deep")
    path = _plain_path(tree)
    if path is not None:
        return _path_getter(path)
    meter = Meter()
    run = _Compiler(scope, meter).compile(tree)

    def evaluate(context: Any) -> Any:
        meter.left = STEPS
        try:
            return run(context)
        except Unconvertible as failed:
            raise Unconvertible(failed.code, f"“{text[:80]}” {failed.message}") from None
        except (JMESPathError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError) as error:
            raise Unconvertible(
                "expression-failed", f"“{text[:80]}” cannot be applied: {_first_line(error)}"
            ) from None
        except RecursionError:
            raise Unconvertible("expression-too-costly", f"“{text[:80]}” nests too deeply.") from None

    return evaluate


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _depth(tree: Mapping[str, Any]) -> int:
    deepest = 0
    todo: list[tuple[Any, int]] = [(tree, 1)]
    while todo:
        node, depth = todo.pop()
        deepest = max(deepest, depth)
        if isinstance(node, dict) and node.get("type") != "slice":
            todo.extend((child, depth + 1) for child in node.get("children", ()))
    return deepest


def _plain_path(tree: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The keys of `a.b.c`; None where the expression is more than that."""
    if tree["type"] == "field":
        return (tree["value"],)
    if tree["type"] == "subexpression" and all(child["type"] == "field" for child in tree["children"]):
        return tuple(child["value"] for child in tree["children"])
    return None


def _path_getter(path: tuple[str, ...]) -> Getter:
    if len(path) == 1:
        return _field(path[0])

    def get(context: Any) -> Any:
        for key in path:
            if not isinstance(context, dict):
                return None
            context = context.get(key)
        return context

    return get


def _field(key: str) -> Getter:
    return lambda context: context.get(key) if isinstance(context, dict) else None


def _false(value: Any) -> bool:
    return value is None or value is False or value == "" or value == [] or value == {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(left: Any, right: Any) -> bool:
    """Equality of JSON: 1 is not true, 0 is not false."""
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return bool(left == right)


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": operator.lt,
    "gt": operator.gt,
    "lte": operator.le,
    "gte": operator.ge,
}


class _Compiler:
    """Syntax tree → closures. The rules are those of jmespath.visitor.TreeInterpreter."""

    def __init__(self, scope: Scope, meter: Meter) -> None:
        self.scope = scope
        self.meter = meter
        self.builtins = Functions()

    def compile(self, node: Mapping[str, Any]) -> Getter:
        made: Getter = getattr(self, f"_{node['type']}")(node)
        return made

    def _children(self, node: Mapping[str, Any]) -> list[Getter]:
        return [self.compile(child) for child in node["children"]]

    def _field(self, node: Mapping[str, Any]) -> Getter:
        return _field(node["value"])

    def _current(self, node: Mapping[str, Any]) -> Getter:
        return lambda context: context

    _identity = _current

    def _literal(self, node: Mapping[str, Any]) -> Getter:
        value = node["value"]
        return lambda context: value

    def _subexpression(self, node: Mapping[str, Any]) -> Getter:
        steps = self._children(node)
        if len(steps) == 2:
            first, second = steps
            return lambda context: second(first(context))

        def chain(context: Any) -> Any:
            for step in steps:
                context = step(context)
            return context

        return chain

    _pipe = _subexpression
    _index_expression = _subexpression

    def _index(self, node: Mapping[str, Any]) -> Getter:
        at = node["value"]

        def index(context: Any) -> Any:
            if isinstance(context, list) and -len(context) <= at < len(context):
                return context[at]
            return None

        return index

    def _slice(self, node: Mapping[str, Any]) -> Getter:
        part = slice(*node["children"])
        meter = self.meter

        def cut(context: Any) -> Any:
            if not isinstance(context, list):
                return None
            meter.spend(len(context))
            return context[part]

        return cut

    def _comparator(self, node: Mapping[str, Any]) -> Getter:
        left, right = self._children(node)
        kind, meter = node["value"], self.meter
        if kind in _ORDERS:
            order = _ORDERS[kind]

            def compare(context: Any) -> Any:
                a, b = left(context), right(context)
                if (_is_number(a) or isinstance(a, str)) and (_is_number(b) or isinstance(b, str)):
                    return order(a, b)
                return None

            return compare
        wanted = kind == "eq"

        def same(context: Any) -> bool:
            a, b = left(context), right(context)
            if isinstance(a, list | dict) and isinstance(b, list | dict):
                meter.weigh(a)
                meter.weigh(b)
            return _equal(a, b) is wanted

        return same

    def _not_expression(self, node: Mapping[str, Any]) -> Getter:
        (inner,) = self._children(node)

        def negate(context: Any) -> bool:
            value = inner(context)
            return False if _is_number(value) and value == 0 else not value

        return negate

    def _or_expression(self, node: Mapping[str, Any]) -> Getter:
        first, second = self._children(node)

        def either(context: Any) -> Any:
            value = first(context)
            return second(context) if _false(value) else value

        return either

    def _and_expression(self, node: Mapping[str, Any]) -> Getter:
        first, second = self._children(node)

        def both(context: Any) -> Any:
            value = first(context)
            return value if _false(value) else second(context)

        return both

    def _projection(self, node: Mapping[str, Any]) -> Getter:
        base = self.compile(node["children"][0])
        body = node["children"][1]
        if body["type"] == "field":
            return _project_field(base, body["value"], self.meter)
        each, cost, meter = self.compile(body), _size(body), self.meter

        def project(context: Any) -> Any:
            elements = base(context)
            if not isinstance(elements, list):
                return None
            meter.spend(cost * len(elements))
            return [value for element in elements if (value := each(element)) is not None]

        return project

    def _value_projection(self, node: Mapping[str, Any]) -> Getter:
        base, each = self._children(node)
        cost, meter = _size(node["children"][1]), self.meter

        def project(context: Any) -> Any:
            fields = base(context)
            if not isinstance(fields, dict):
                return None
            meter.spend(cost * len(fields))
            return [value for element in fields.values() if (value := each(element)) is not None]

        return project

    def _filter_projection(self, node: Mapping[str, Any]) -> Getter:
        base, each, condition = self._children(node)
        cost, meter = _size(node["children"][1]) + _size(node["children"][2]), self.meter

        def select(context: Any) -> Any:
            elements = base(context)
            if not isinstance(elements, list):
                return None
            meter.spend(cost * len(elements))
            return [
                value
                for element in elements
                if not _false(condition(element)) and (value := each(element)) is not None
            ]

        return select

    def _flatten(self, node: Mapping[str, Any]) -> Getter:
        base = self.compile(node["children"][0])
        meter = self.meter

        def flatten(context: Any) -> Any:
            elements = base(context)
            if not isinstance(elements, list):
                return None
            merged: list[Any] = []
            for element in elements:
                if isinstance(element, list):
                    merged += element
                    meter.spend(len(element))
                else:
                    merged.append(element)
            return merged

        return flatten

    def _multi_select_list(self, node: Mapping[str, Any]) -> Getter:
        members, meter = self._children(node), self.meter

        def collect(context: Any) -> Any:
            if context is None:
                return None
            made = [member(context) for member in members]
            meter.weigh(made)
            return made

        return collect

    def _multi_select_dict(self, node: Mapping[str, Any]) -> Getter:
        members = [(child["value"], self.compile(child["children"][0])) for child in node["children"]]
        meter = self.meter

        def collect(context: Any) -> Any:
            if context is None:
                return None
            made = {key: member(context) for key, member in members}
            meter.weigh(made)
            return made

        return collect

    def _expref(self, node: Mapping[str, Any]) -> Getter:
        body = node["children"][0]
        each, cost, meter = self.compile(body), _size(body), self.meter

        class Visitor:
            """What the library's functions call back: `visit(expression, value)`."""

            def visit(self, expression: Getter, value: Any) -> Any:
                meter.spend(cost + 3)
                return expression(value)

        expression = _Expression(cast("Any", each), cast("Any", Visitor()))
        return lambda context: expression

    def _function_expression(self, node: Mapping[str, Any]) -> Getter:
        name: str = node["value"]
        arguments = self._children(node)
        meter = self.meter
        if name in FUNCTIONS:
            call = implementation(FUNCTIONS[name], self.scope)

            def ours(context: Any) -> Any:
                given = [argument(context) for argument in arguments]
                meter.weigh(given)
                return call(given)

            return ours
        builtins = self.builtins

        def theirs(context: Any) -> Any:
            given = [_plain(argument(context)) for argument in arguments]
            meter.weigh(given)
            if name == "join":
                meter.spend(len(given[0] or "") * len(given[1] or ()) >> 4)
            return builtins.call_function(name, given)

        return theirs


def _plain(value: Any) -> Any:
    """The library goes by the names of classes, so that a kind of dict is no object to it."""
    return dict(value) if isinstance(value, dict) and type(value) is not dict else value


def _project_field(base: Getter, key: str, meter: Meter) -> Getter:
    def project(context: Any) -> Any:
        elements = base(context)
        if not isinstance(elements, list):
            return None
        meter.spend(len(elements))
        return [
            value
            for element in elements
            if isinstance(element, dict) and (value := element.get(key)) is not None
        ]

    return project


def _size(node: Mapping[str, Any]) -> int:
    """Nodes of a tree: what one evaluation of it costs, but for its loops."""
    count = 0
    todo: list[Any] = [node]
    while todo:
        item = todo.pop()
        count += 1
        if isinstance(item, dict) and item.get("type") != "slice":
            todo.extend(item.get("children", ()))
    return count
