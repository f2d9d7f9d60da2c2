"""Expressions: the documented functions, agreement with JMESPath, and that none can hold up a worker."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.control.functions import FUNCTIONS
from service.control.model import MappingTable
from worker.mapping.expression_functions import _TABLE
from worker.mapping.expression_scope import Scope
from worker.mapping.expressions import ExpressionRefused, compile_expression
from worker.mapping.problems import Unconvertible

ROOT = Path(__file__).resolve().parents[3]
RECORD = {"acno": "A00001", "height": "419"}


def evaluated(expression: str, context: Any) -> Any:
    tables = {"roles": MappingTable("roles", {"p": "painter"})}
    return compile_expression(expression, Scope(tables, RECORD, "data0", 12))(context)


def refused(expression: str, context: Any) -> str:
    with pytest.raises(Unconvertible) as failed:
        evaluated(expression, context)
    return failed.value.code


def documented() -> list[tuple[str, str, str]]:
    text = (ROOT / "docs" / "expressions.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `` ?(.+?) ?`` \| `` ?(.+?) ?`` \| `` ?(.+?) ?`` \|", text, re.MULTILINE)
    return [(expression, context, result) for expression, context, result in rows]


@pytest.mark.parametrize(("expression", "context", "result"), documented(), ids=lambda value: value)
def test_a_documented_example(expression: str, context: str, result: str) -> None:
    assert evaluated(expression, json.loads(context)) == json.loads(result)


def test_every_function_is_documented_with_an_example() -> None:
    shown = {name for expression, _, _ in documented() for name in re.findall(r"(\w+)\(", expression)}
    assert set(FUNCTIONS) - shown == set()


def test_every_function_of_the_language_is_carried_out() -> None:
    assert set(FUNCTIONS) - set(_TABLE) == {"lookup", "record", "file", "row"}


@pytest.mark.parametrize("name", [n for n, f in FUNCTIONS.items() if f.arguments and f.arguments[0] != "any"])
def test_null_in_is_null_out(name: str) -> None:
    function = FUNCTIONS[name]
    rest = {"text": "'dmy'", "number": "`1`", "any": "'a'", "list": "`[]`", "object": "`{}`"}
    arguments = ["missing", *[rest[kind] for kind in function.arguments[1 : function.least]]]
    assert evaluated(f"{name}({', '.join(arguments)})", {}) is None


def test_numbers_are_read_out_of_texts() -> None:
    assert evaluated("divide(h, `10`)", {"h": "419"}) == 41.9
    assert refused("divide(h, `10`)", {"h": "41 cm"}) == "expression-failed"


def test_a_list_where_text_is_wanted_says_how_to_map_it() -> None:
    with pytest.raises(Unconvertible, match=r"Use map\(&upper\(@\), …\) for each of a list\."):
        evaluated("upper(tags)", {"tags": ["a"]})


def test_a_name_that_mapping_lacks_is_told() -> None:
    assert refused("lookup('role', 'p')", {}) == "expression-failed"


# --- agreement with the library -------------------------------------------------------------------

KEYS = st.sampled_from(["a", "b", "c"])
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "y"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=20,
)
ATOMS = st.sampled_from(
    ["a", "b", "c", "@", "`1`", "'x'", "`null`", "`[1, 2]`", "a.b", "a[0]", "b[-1]", "c[::2]"]
)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    return st.one_of(
        inner.map(lambda e: f"({e})[]"),
        inner.map(lambda e: f"({e})[*].a"),
        inner.map(lambda e: f"({e}).*"),
        inner.map(lambda e: f"({e})[1:]"),
        inner.map(lambda e: f"!({e})"),
        inner.map(lambda e: f"type({e})"),
        inner.map(lambda e: f"not_null({e}, `0`)"),
        inner.map(lambda e: f"to_array({e})"),
        inner.map(lambda e: f"map(&a, to_array({e}))"),
        two.map(lambda e: f"({e[0]}) || ({e[1]})"),
        two.map(lambda e: f"({e[0]}) && ({e[1]})"),
        two.map(lambda e: f"({e[0]}) | ({e[1]})"),
        two.map(lambda e: f"({e[0]}) == ({e[1]})"),
        two.map(lambda e: f"({e[0]}) != ({e[1]})"),
        two.map(lambda e: f"({e[0]}) < ({e[1]})"),
        two.map(lambda e: f"[{e[0]}, {e[1]}]"),
        two.map(lambda e: f"{{a: {e[0]}, b: {e[1]}}}"),
        two.map(lambda e: f"({e[0]})[?{e[1]}]"),
        two.map(lambda e: f"({e[0]})[?a == ({e[1]})].b"),
    )


EXPRESSIONS = st.recursive(ATOMS, _compound, max_leaves=6)


def by_the_library(expression: str, context: Any) -> Any:
    try:
        return jmespath.search(expression, context)
    except Exception:
        return "failed"


def by_us(expression: str, context: Any) -> Any:
    try:
        return evaluated(expression, context)
    except Unconvertible:
        return "failed"


@given(EXPRESSIONS, DATA)
def test_we_agree_with_jmespath(expression: str, context: Any) -> None:
    theirs = by_the_library(expression, context)
    ours = by_us(expression, context)
    assert (type(ours), ours) == (type(theirs), theirs)


def test_true_is_not_one_where_the_library_is_unsure() -> None:
    assert [evaluated(e, {}) for e in ("`true` == `1`", "`0` == `false`", "`1` == `1.0`")] == [
        False,
        False,
        True,
    ]


@given(st.text(max_size=30) | st.from_regex(r"[a-c@.\[\]*?&|(){}`',0-9: !=<>-]{0,30}", fullmatch=True), DATA)
def test_any_text_is_an_expression_or_refused(text: str, context: Any) -> None:
    try:
        run = compile_expression(text, Scope())
    except ExpressionRefused:
        return
    try:
        run(context)
    except Unconvertible as failed:
        assert failed.code.startswith(("expression-", "value-", "text-", "date-"))


# --- nothing hangs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        "|".join(["[@, @]"] * 60),
        "|".join(["[@, @][]"] * 60),
        "|".join(["{a: @, b: @}"] * 60),
        "|".join(["concat(@, @)"] * 60) + " || a",
        "|".join(["[@, @]"] * 40) + " | to_string(@)",
        "[*].[$]".replace("$", ", ".join(["@"] * 900)),
        "record().list[*].[record().list[*].[record().list[*].[record().list[*]]]]",
        "map(&map(&map(&map(&@, record().list), record().list), record().list), record().list)",
        "|".join(["multiply(@, @)"] * 40),
        "|".join(["join(@, [@, @, @])"] * 40),
    ],
    ids=lambda text: text[:30],
)
def test_an_expression_that_explodes_is_stopped(expression: str) -> None:
    run = compile_expression(expression, Scope(record={"list": list(range(500))}))
    with pytest.raises(Unconvertible) as stopped:
        run(
            "12345" * 20
            if "join" in expression
            else [1] * 3_000
            if "$" in expression or expression[1] == "*"
            else 12345
        )
    assert stopped.value.code in (
        "expression-too-costly",
        "text-too-long",
        "expression-failed",
        "value-not-text",
    )


@pytest.mark.parametrize(
    "expression", ["(" * 1_500 + "a" + ")" * 1_500, "!" * 3_000 + "a", "a" + "|a" * 1_500, "[" * 3_000]
)
def test_a_deep_expression_is_refused(expression: str) -> None:
    with pytest.raises(ExpressionRefused):
        compile_expression(expression, Scope())


def test_a_long_path_is_no_deep_expression() -> None:
    assert compile_expression(".".join(["a"] * 1_500), Scope())({"a": 1}) is None


def test_a_pathological_pattern_ends() -> None:
    text = "a" * 50_000
    assert evaluated("matches(x, '^(a+)+$')", {"x": text + "!"}) is False
    assert evaluated("regex_extract(x, '(a*)*b')", {"x": text}) is None
