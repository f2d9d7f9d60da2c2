"""Types of values: what each makes, and what each refuses as Omeka S would."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.mapping.helpers import codes, mapped, mapper, one_field, only_problem, values
from worker.mapping.compiler import ControlNotRunnable
from worker.mapping.lookups import CustomVocabulary
from worker.records import Link, Property, Value


def typed(value: Any, **keys: Any) -> tuple[Value, ...]:
    return values(one_field({"x": value}, {"source": "x", "name": "dcterms:title", **keys}))


def refusal(value: Any, **keys: Any) -> tuple[str, str]:
    result = one_field({"x": value}, {"source": "x", "name": "dcterms:title", **keys})
    assert result.drafts == ()
    return only_problem(result).code, only_problem(result).message


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (" a ", "a"), (5, "5"), (1.5, "1.5"), (False, "false"), (0, "0"), ("é\n𝔘", "é\n𝔘")],
)
def test_a_literal_is_the_text_of_the_value(value: Any, text: str) -> None:
    assert typed(value) == (Value("literal", text),)


@pytest.mark.parametrize("value", [None, "", "  ", "\u00a0", [], {}, [None, ""]])
def test_blank_is_no_value(value: Any) -> None:
    assert typed(value) == ()


def test_a_literal_of_nothing_visible_would_be_dropped_by_omeka_and_is_refused() -> None:
    assert refusal("\0\0") == ("blank-literal", "dcterms:title: “  ” is a text without a visible character.")


def test_half_a_character_is_refused() -> None:
    assert refusal("a\ud800b")[0] == "text-not-unicode"


def test_an_object_is_no_literal() -> None:
    assert refusal({"id": 1, "name": "x"}) == (
        "value-not-text",
        "dcterms:title: The value is an object with id, name, not a text. Name the part that is meant with "
        "an expression.",
    )


def test_what_stands_beside_a_value() -> None:
    spec = {"language": "en", "public": False, "annotation": {"dcterms:source": {"source": "ref"}}}
    result = one_field({"x": "a", "ref": "p. 1"}, {"source": "x", "name": "dcterms:title", **spec})
    note = Property(
        "dcterms:source", (Value("literal", "p. 1"),), pointer="/instructions/1/annotation/dcterms:source"
    )
    assert values(result) == (Value("literal", "a", language="en", public=False, annotation=(note,)),)


def test_language_and_label_may_come_from_the_record() -> None:
    keys = {"type": "uri", "label": {"source": "n"}, "language": {"expression": "lower(l)"}}
    result = one_field(
        {"x": "https://example.org/1", "n": " One ", "l": "EN"},
        {"source": "x", "name": "dcterms:title", **keys},
    )
    assert values(result) == (Value("uri", None, "https://example.org/1", "One", "en"),)


def test_a_language_that_the_target_cannot_store_is_refused() -> None:
    keys = {"source": "x", "name": "dcterms:title", "language": {"source": "l"}}
    assert codes(one_field({"x": "a", "l": "x" * 300}, keys)) == [("reject", "language-too-long")]


def test_html_is_kept_as_it_is() -> None:
    assert typed("<b>x</b>", type="html") == (Value("html", "<b>x</b>"),)


@pytest.mark.parametrize(
    "uri", ["https://example.org/1", "urn:isbn:123", "mailto:a@b.org", "http://ex.org/é"]
)
def test_an_absolute_uri(uri: str) -> None:
    assert typed(f" {uri} ", type="uri") == (Value("uri", None, uri),)


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        " JavaScript:alert(1)",
        "not a uri at all",
        "/relative",
        "example.org",
        "http:",
        "a b:c",
        "https://example.org/a b",
        'https://example.org/"',
    ],
)
def test_what_is_no_uri_is_refused(text: str) -> None:
    assert refusal(text, type="uri")[0] == "not-a-uri"


@pytest.mark.parametrize(("value", "text"), [("5", "5"), ("+05", "5"), (5, "5"), (5.0, "5"), ("-3", "-3")])
def test_an_integer(value: Any, text: str) -> None:
    assert typed(value, type="integer") == (Value("literal", text),)


@pytest.mark.parametrize(("value", "text"), [("1.50", "1.50"), (3.5, "3.5"), ("-1e3", "-1e3"), (".5", ".5")])
def test_a_number(value: Any, text: str) -> None:
    assert typed(value, type="number") == (Value("literal", text),)


@pytest.mark.parametrize(
    ("value", "kind", "code"),
    [
        ("1.5", "integer", "not-an-integer"),
        ("x", "integer", "not-an-integer"),
        ("1,5", "number", "not-a-number"),
        ("12 cm", "number", "not-a-number"),
        ("1" * 400, "integer", "not-an-integer"),
    ],
)
def test_what_is_no_number_is_refused(value: str, kind: str, code: str) -> None:
    assert refusal(value, type=kind)[0] == code


def test_a_boolean_has_its_words() -> None:
    for value in ("yes", "TRUE", 1, True, "x"):
        assert typed(value, type="boolean") == (Value("literal", "true"),)
    for value in ("no", "False", 0, False):
        assert typed(value, type="boolean") == (Value("literal", "false"),)
    assert refusal("perhaps", type="boolean")[0] == "not-a-boolean"


def test_a_boolean_takes_the_words_it_is_given() -> None:
    keys = {"type": "boolean", "trueValue": "Ja", "falseValue": ["Nein", "-"]}
    assert [typed(v, **keys)[0].text for v in ("ja", "nein", "-")] == ["true", "false", "false"]
    assert refusal("yes", **keys)[0] == "not-a-boolean"


def test_a_datetime_is_iso() -> None:
    keys = {"type": "datetime", "dateFormat": "dd/MM/yyyy HH:mm", "timeZone": "Europe/London"}
    assert typed("01/07/2020 10:00", **keys) == (Value("literal", "2020-07-01T10:00+01:00"),)
    assert refusal("2020", **keys)[0] == "not-a-date"


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("numeric:timestamp", 1920, "1920"),
        ("numeric:interval", "1840/1845", "1840/1845"),
        ("numeric:duration", "P1Y", "P1Y"),
        ("numeric:integer", "007", "7"),
        ("geography", "point(2 48)", "POINT(2 48)"),
        ("geography:coordinates", "51.5, -0.1", "51.5,-0.1"),
    ],
)
def test_a_type_of_a_module(kind: str, value: Any, text: str) -> None:
    assert typed(value, type=kind) == (Value(kind, text),)


def test_a_type_of_a_module_refuses_what_omeka_would_drop() -> None:
    assert refusal("c. 1920", type="numeric:timestamp") == (
        "numeric-timestamp",
        "dcterms:title: “c. 1920” is no ISO 8601 date (as 1920, 1920-05 or 1920-05-12T10:30). A `date` "
        'filter makes one, with "to": "timestamp" or "to": "interval".',
    )


def test_a_suggested_value_is_a_uri_with_a_label_or_a_text() -> None:
    keys = {"type": "valuesuggest:getty:aat", "label": {"source": "x"}}
    assert typed("http://vocab.getty.edu/aat/300", **keys) == (
        Value(
            "valuesuggest:getty:aat", None, "http://vocab.getty.edu/aat/300", "http://vocab.getty.edu/aat/300"
        ),
    )
    assert typed("oil paint", type="valuesuggest:getty:aat") == (
        Value("valuesuggest:getty:aat", "oil paint"),
    )


class Vocabularies:
    """A target with three custom vocabularies."""

    def custom_vocabulary(self, label: str) -> CustomVocabulary | None:
        return {
            "Materials": CustomVocabulary("Materials", "literal", frozenset({"Oil paint", "Chalk"})),
            "Places": CustomVocabulary("Places", "uri", uris={"https://example.org/1": "Rome"}),
            "People": CustomVocabulary("People", "resource"),
        }.get(label)


def in_vocabulary(value: Any, label: str):
    spec = {"source": "x", "name": "dcterms:title", "type": f"customvocab:{label}"}
    return one_field({"x": value}, spec, lookups=Vocabularies())


def test_a_term_of_a_custom_vocabulary() -> None:
    assert values(in_vocabulary("Chalk", "Materials")) == (Value("customvocab:Materials", "Chalk"),)


def test_what_is_no_term_is_refused_with_the_nearest_one() -> None:
    assert only_problem(in_vocabulary("oil paints", "Materials")).message == (
        "dcterms:title: “oil paints” is no term of the vocabulary “Materials”. Did you mean “Oil paint”?"
    )


def test_a_uri_of_a_custom_vocabulary_by_itself_or_its_label() -> None:
    wanted = (Value("customvocab:Places", None, "https://example.org/1", "Rome"),)
    assert values(in_vocabulary("Rome", "Places")) == wanted
    assert values(in_vocabulary("https://example.org/1", "Places")) == wanted
    assert codes(in_vocabulary("Paris", "Places")) == [("reject", "not-in-vocabulary")]


def test_an_item_of_a_custom_vocabulary() -> None:
    assert values(in_vocabulary(12, "People")) == (
        Value("customvocab:People", link=Link("item", "", (), ("12",))),
    )


def test_a_vocabulary_that_the_target_lacks_stops_before_the_first_row() -> None:
    spec = {"source": "x", "name": "dcterms:title", "type": "customvocab:Colours"}
    with pytest.raises(ControlNotRunnable) as stopped:
        mapper([{"action": "new", "destination": "item"}, spec], lookups=Vocabularies())
    assert [problem.code for problem in stopped.value.problems] == ["vocabulary-unknown"]
    assert str(stopped.value) == "/instructions/1: The target has no custom vocabulary “Colours”."


ARTIST = {"item:artist": {"source": "id", "by": "dcterms:identifier", "scope": "tate-artists"}}
LINK = {"name": "dcterms:creator", "type": "resource", "link": {"to": "item:artist"}}


def test_a_link_bears_the_identity_that_it_is_found_by() -> None:
    result = one_field({"id": 38}, {"source": "id", **LINK}, match=ARTIST)
    link = Link("item:artist", "tate-artists", ("dcterms:identifier",), ("38",), "/instructions/1/link")
    assert values(result, "dcterms:creator") == (Value("resource", link=link),)


def test_a_link_that_may_fail_bears_what_to_write_instead() -> None:
    spec = {"source": "id", **LINK, "otherwise": {"source": "mda", "type": "literal"}}
    result = one_field({"id": 38, "mda": "Blake, Robert"}, spec, match=ARTIST)
    (value,) = values(result, "dcterms:creator")
    assert value.link is not None
    assert value.link.otherwise == (Value("literal", "Blake, Robert"),)


def test_a_resource_without_a_link_is_a_number_of_the_target() -> None:
    assert typed("012", type="resource") == (Value("resource", link=Link("resource", "", (), ("12",))),)
    assert refusal("Blake", type="resource")[0] == "not-a-resource"


def test_a_mapped_reference_is_found_by_what_its_table_says() -> None:
    table = {"artists": {"types": ["item"], "using": "title", "values": {"RB": "Blake, Robert"}}}
    spec = {"source": "x", "destination": "item", "name": "dcterms:creator", "refMapping": "artists"}
    new = {"action": "new", "destination": "item"}
    result = mapped([new, spec], {"x": "RB"}, mapping=table)
    link = Link("item", "", ("dcterms:title",), ("Blake, Robert",))
    assert values(result, "dcterms:creator") == (Value("resource", link=link),)
    assert codes(mapped([new, spec], {"x": "WB"}, mapping=table)) == [("reject", "not-in-mapping")]
