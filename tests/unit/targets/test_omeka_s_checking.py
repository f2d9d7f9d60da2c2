from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from worker.mapping.lookups import CustomVocabulary
from worker.records import Draft, Fields, Identity, Link, MediaSource, Problem, Property, Value
from worker.targets.omeka_s.checking import Ingesting, check
from worker.targets.omeka_s.resolving import NamesResolver
from worker.targets.omeka_s.vocabulary import Unknown

from .samples import VOCABULARY


def problems(draft: Draft, *, ingest: bool = False) -> list[tuple[str, str, str]]:
    return [(one.severity, one.code, one.message) for one in check(draft, VOCABULARY, Ingesting(ingest))]


def with_value(**value: Any) -> Draft:
    return Draft(
        "item", "item", 0, properties=(Property("dcterms:subject", (Value(**value),), pointer="/p"),)
    )


def with_fields(**fields: Any) -> Draft:
    return Draft("item", "item", 0, fields=Fields(**fields))


def media(source: MediaSource | None) -> Draft:
    return Draft("media", "media", 0, source=source)


GOOD = [
    with_value(text="x"),
    with_value(text="\u00a0"),  # PHP's trim keeps a no-break space
    with_value(type="uri", uri="not a uri at all"),  # `item-create-invalid-values-dropped`: this one is kept
    with_value(text="x", language="no such lang!"),  # `item-create-bad-language`
    with_value(type="customvocab:Materials", text="oil"),
    with_value(type="customvocab:Places", uri="http://p/1"),
    with_value(type="customvocab:Old", text="blue"),
    with_value(type="customvocab:People", text="anybody"),
    with_value(type="numeric:timestamp", text="1999"),
    with_value(type="resource", link=Link("item", "", ("dcterms:identifier",), ("1",))),
    with_fields(item_sets=("Set A", "4"), sites=("main", "1"), template="2", owner="1"),
    with_fields(resource_class=None, template=None, owner=None, thumbnail=None),
]


@pytest.mark.parametrize("draft", GOOD)
def test_what_omeka_takes_is_no_problem(draft: Draft) -> None:
    assert problems(draft) == []


DROPPED = [
    (with_value(text=""), "value-empty"),
    (with_value(text=" \t\n\r\0\x0b"), "value-empty"),
    (with_value(), "value-empty"),
    (with_value(type="uri", uri=" "), "value-empty"),
    (with_value(type="uri", uri=" JavaScript:alert(1)"), "uri-refused"),
    (with_value(text="x", language="q" * 256), "language-too-long"),
    (with_value(text="a\ud800b"), "text-not-unicode"),
    (with_value(type="uri", uri="http://x/\udfff"), "text-not-unicode"),
    (with_value(type="resource", text="5"), "link-missing"),
    (with_value(type="numeric:duration", text="P1Y"), "names-unknown"),
    (with_value(type="customvocab:Colours", text="red"), "names-unknown"),
    (with_value(type="customvocab:Materials", text="Oil"), "not-in-vocabulary"),
    (with_value(type="customvocab:Places", uri="http://p/2"), "not-in-vocabulary"),
    (with_value(type="customvocab:Places", text="http://p/1"), "not-in-vocabulary"),
    (with_value(type="customvocab:Materials", uri="http://p/1"), "not-in-vocabulary"),
    (with_value(text="x", annotation=(Property("dcterms:source", (Value(text=""),)),)), "value-empty"),
    (with_value(text="x", annotation=(Property("dcterms:no", (Value(text="y"),)),)), "names-unknown"),
    (
        with_value(
            type="resource",
            link=Link("item", "", ("dcterms:identifier",), ("1",), otherwise=(Value(text=""),)),
        ),
        "value-empty",
    ),
    (Draft("item", "item", 0, properties=(Property("dcterms:titel", (Value(text="x"),)),)), "names-unknown"),
    (Draft("item", "item", 0, identity=Identity("", ("dcterms:no",), ("x",))), "names-unknown"),
    (Draft("item", "item", 0, identity=Identity("", ("dcterms:identifier",), (" ",))), "identity-unusable"),
    (with_fields(item_sets=("Set B",)), "names-unknown"),
    (with_fields(item_sets=("Twin",)), "names-unknown"),
    (with_fields(sites=("nowhere",)), "names-unknown"),
    (with_fields(template="No such"), "names-unknown"),
    (with_fields(resource_class="dctype:Nope"), "names-unknown"),
    (with_fields(owner="nobody@example.org"), "names-unknown"),
    (with_fields(thumbnail="Logo"), "names-unknown"),
    (with_fields(featured=True), "field-unsupported"),
    (with_fields(tags=("a",)), "field-unsupported"),
    (Draft("item-set", "item-set", 0, fields=Fields(item_sets=("Set A",))), "field-unsupported"),
    (media(None), "media-without-source"),
    (media(MediaSource("html", " \n")), "value-empty"),
    (media(MediaSource("iiif", "http://h/a.jpg")), "ingest-off"),
    (media(MediaSource("youtube", "http://h/a")), "ingest-off"),
    (media(MediaSource("sideload", "a.jpg")), "ingest-off"),
    (media(MediaSource("upload", "a.jpg")), "attachment-missing"),
]


@pytest.mark.parametrize(("draft", "code"), DROPPED)
def test_what_omeka_would_refuse_or_drop_rejects_the_record(draft: Draft, code: str) -> None:
    assert [(severity, found) for severity, found, _ in problems(draft)] == [("reject", code)]


@pytest.mark.parametrize("url", ["ftp://h/a.jpg", "not-a-url", "http://", "http://[bad", "/etc/passwd", ""])
def test_the_address_of_a_media_is_a_web_address(url: str) -> None:
    # `media-url-invalid`
    assert [code for _, code, _ in problems(media(MediaSource("url", url)), ingest=True)] == ["value-invalid"]


def test_a_file_at_an_address_is_fetched_where_the_target_may_not() -> None:
    assert problems(media(MediaSource("url", "https://h/a.jpg"))) == []


def test_an_address_is_taken_where_the_target_may_fetch() -> None:
    assert problems(media(MediaSource("url", "https://h/a.jpg")), ingest=True) == []


def test_the_sites_of_an_item_set_are_a_warning() -> None:
    draft = Draft("item-set", "item-set", 0, fields=Fields(sites=("main",)))
    assert [(severity, code) for severity, code, _ in problems(draft)] == [("warning", "field-unsupported")]


def test_a_problem_says_where_and_what() -> None:
    assert check(with_value(text="x", language="q" * 300), VOCABULARY, Ingesting()) == (
        Problem(
            "reject",
            "language-too-long",
            "dcterms:subject: Omeka takes languages of at most 255 characters.",
            pointer="/p",
            value="q" * 199 + "…",
        ),
    )


def test_every_problem_of_a_draft_is_reported() -> None:
    draft = Draft(
        "item",
        "item",
        0,
        properties=(Property("dcterms:subject", (Value(), Value(text="ok"), Value(type="nope", text="x"))),),
        fields=Fields(sites=("a", "b")),
    )
    assert [code for _, code, _ in problems(draft)] == [
        "value-empty",
        "names-unknown",
        "names-unknown",
        "names-unknown",
    ]


def test_a_name_that_is_nearly_right_gets_the_right_word() -> None:
    found = VOCABULARY.item_sets.find("Sett A")
    assert found == Unknown("There is no item set “Sett A” in this Omeka. Did you mean “Set A”?")


def test_a_name_beats_a_number() -> None:
    assert VOCABULARY.item_sets.find("3") == 3
    assert isinstance(VOCABULARY.item_sets.find("33"), Unknown)
    assert isinstance(VOCABULARY.item_sets.find("٣"), Unknown)


def test_a_custom_vocabulary_is_known_by_label_and_number() -> None:
    resolver = NamesResolver(VOCABULARY)
    asked = ("Materials", "1", "Places", "Old", "People", "Empty", "No")
    assert {label: resolver.custom_vocabulary(label) for label in asked} == {
        "Materials": CustomVocabulary("Materials", "literal", frozenset({"oil", "chalk"})),
        "1": CustomVocabulary("Materials", "literal", frozenset({"oil", "chalk"})),
        "Places": CustomVocabulary("Places", "uri", uris={"http://p/1": "One"}),
        "Old": CustomVocabulary("Old", "literal", frozenset({"red", "blue"})),
        "People": CustomVocabulary("People", "resource"),
        "Empty": CustomVocabulary("Empty", "unlisted"),
        "No": None,
    }


def test_every_code_of_a_check_is_documented() -> None:
    root = Path(__file__).parents[3]
    documented = set(
        re.findall(r"^\| `([\w-]+)` \|", (root / "docs" / "errors.md").read_text(), re.MULTILINE)
    )
    used = {code for _, code in DROPPED} | {"value-invalid", "link-unknown"}
    assert used <= documented
