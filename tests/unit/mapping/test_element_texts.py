"""`element-texts`, and messages that come from the record."""

from __future__ import annotations

from typing import Any

import pytest

from service.control.classic_site import TERMS
from tests.unit.mapping.helpers import NEW, codes, mapped, only_problem
from worker.mapping.element_texts import element_name
from worker.records import Identity, Property, Value
from worker.targets.omeka_classic.elements import LABELS

TEXTS = {"action": "element-texts", "source": "elements"}
CLASSIC = {"model": "omeka-classic"}
MATCH = {"item": {"source": "id", "by": "dcterms:identifier", "scope": "old"}}


def text(content: str, *, html: bool = False) -> dict[str, Any]:
    return {"text": content, "html": html}


def of_elements(elements: Any, **root: Any) -> tuple[Property, ...]:
    (draft,) = mapped([NEW, TEXTS], {"id": "1", "elements": elements}, **CLASSIC, **root).drafts
    assert draft.whole
    return draft.properties


def test_each_text_goes_to_the_element_of_its_name_and_html_stays_html() -> None:
    given = {
        "Dublin Core": {"Title": [text("A"), text("<b>B</b>", html=True)], "Date Issued": [text("1913")]},
        "Local: Archive": {"Shelf": [text("A 12"), text(" ")]},
        "Empty": {"None": []},
    }
    assert of_elements(given) == tuple(
        Property(name, values, "replace", "ours", "/instructions/1")
        for name, values in (
            ("dcterms:title", (Value(text="A"), Value("html", "<b>B</b>"))),
            ("dcterms:issued", (Value(text="1913"),)),
            ("Local: Archive:Shelf", (Value(text="A 12"),)),
        )
    )


def test_the_identity_is_one_of_the_texts_and_keeps_none_of_ours_that_went() -> None:
    (only,) = of_elements({}, match=MATCH)
    assert (only.term, only.values, only.on_update, only.of) == (
        "dcterms:identifier",
        (Value(text="1"),),
        "replace",
        "ours",
    )
    (draft,) = mapped(
        [NEW, TEXTS],
        {"id": "1", "elements": {"Dublin Core": {"Identifier": [text("N 5")]}}},
        **CLASSIC,
        match=MATCH,
    ).drafts
    assert draft.identity == Identity("old", ("dcterms:identifier",), ("1",))
    assert [value.text for value in draft.properties[0].values] == ["N 5", "1"]


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_nothing_is_no_text(nothing: Any) -> None:
    assert of_elements(nothing) == ()


@pytest.mark.parametrize(
    "unclear",
    ["Title", ["Title"], {"Dublin Core": "Title"}, {"A": {"B": "C"}}, {"A": {"B": ["C"]}}, {"A": {"B": [7]}}],
)
def test_what_is_not_as_the_reader_gives_it_rejects_the_record(unclear: Any) -> None:
    result = mapped([NEW, TEXTS], {"elements": unclear}, **CLASSIC)
    assert codes(result) == [("reject", "elements-unclear")]
    assert "omeka-classic" in only_problem(result).message


def test_half_a_character_is_no_text() -> None:
    result = mapped([NEW, TEXTS], {"elements": {"A": {"B": [text("\ud800")]}}}, **CLASSIC)
    assert [severity for severity, _ in codes(result)] == ["reject"]


def test_without_an_item_there_is_nowhere_to_go() -> None:
    media = {**TEXTS, "destination": "media"}
    skipping = {"action": "if-exists", "source": "file", "then": [{"action": "new", "destination": "media"}]}
    result = mapped([NEW, skipping, media], {"elements": {}}, **CLASSIC)
    assert codes(result) == [("reject", "no-current-resource")]


def test_elements_are_called_as_the_target_calls_them() -> None:
    for term, label in LABELS.items():
        assert element_name("Dublin Core", label) == term
        assert TERMS[f"Dublin Core:{label}"] == term
    assert element_name("Item Type Metadata", "Text") == "Item Type Metadata:Text"


# --- messages -------------------------------------------------------------------------------------


@pytest.mark.parametrize("message", [{"source": "why"}, {"expression": "join(' ', [why])"}])
def test_a_message_may_come_from_the_record(message: dict[str, str]) -> None:
    record = {"why": "The exhibit Flood is left."}
    skipped = mapped([{"action": "skip", "message": message}], record)
    assert skipped.skipped == "The exhibit Flood is left."
    logged = mapped([NEW, {"action": "log-error", "message": message}], record)
    assert only_problem(logged).message == "The exhibit Flood is left."
    aborted = mapped([{"action": "abort-record", "message": message}], record)
    assert only_problem(aborted).message == "The exhibit Flood is left."


def test_a_message_that_the_record_does_not_give_is_no_failure() -> None:
    assert mapped([{"action": "skip", "message": {"source": "why"}}], {}).skipped == "(no message)"
