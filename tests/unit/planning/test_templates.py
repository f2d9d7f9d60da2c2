"""What templates add to records, and what they demand of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from service.control.names_used import names_used
from service.control.parse import parse_control
from tests.unit.mapping.helpers import mapper
from tests.unit.planning.given import Given, identity, planner, record, standing
from tests.unit.targets.samples import VOCABULARY
from worker.mapping.lookups import CustomVocabulary
from worker.planning.planner import Planner
from worker.planning.templates import Templates
from worker.records import Draft, Fields, Link, Mapped, Problem, Property, Row, Value
from worker.targets.base import TemplateFacts, TemplateTerm
from worker.targets.omeka_s.resolving import NamesResolver
from worker.targets.omeka_s.vocabulary import Template, TemplateProperty

ARTWORK = TemplateFacts(
    "Artwork",
    "dctype:Image",
    (
        TemplateTerm("dcterms:title", ("literal",), required=True),
        TemplateTerm("dcterms:source", ("uri",)),
        TemplateTerm("dcterms:medium", ("customvocab:3", "literal")),
        TemplateTerm("dcterms:format", ("customvocab:3",), required=True),
        TemplateTerm("dcterms:date", ("numeric:timestamp", "numeric:interval")),
        TemplateTerm("dcterms:provenance", (), private=True),
        TemplateTerm("dcterms:creator", ("resource:item",)),
        TemplateTerm("dcterms:relation", ("customvocab:9",)),
    ),
)


class Target:
    """Knows one template, and one custom vocabulary."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def template(self, name: str) -> TemplateFacts | None:
        self.asked.append(name)
        return ARTWORK if name == "Artwork" else None

    def data_type(self, name: str) -> str:
        return "customvocab:3" if name == "customvocab:Materials" else name

    def custom_vocabulary(self, label: str) -> CustomVocabulary | None:
        known = label in ("3", "Materials")
        return CustomVocabulary("Materials", "literal", frozenset({"oil"})) if known else None

    def expect(self, draft: Draft) -> Draft:
        return draft

    def problems(self, draft: Draft) -> tuple[Problem, ...]:
        return ()


def untyped(text: str, **more: Any) -> Value:
    return Value(text=text, untyped=True, **more)


NAMED = Fields(template="Artwork")


def artwork(*properties: Property, fields: Fields | None = None, **more: Any) -> Draft:
    return Draft(
        "item", "item", 0, properties=properties, fields=fields or Fields(template="Artwork"), **more
    )


def given(term: str, *values: Value, **more: Any) -> Property:
    return Property(term, values, pointer="/instructions/1", **more)


WHOLE = (
    given("dcterms:title", Value(text="Study")),
    given("dcterms:format", Value("customvocab:Materials", "oil")),
)
"""What the template requires."""


def settle(draft: Draft, use: Any = "apply") -> tuple[Draft, tuple[Problem, ...]]:
    settled = Templates(use, Target()).settle(Mapped("data0", 1, (draft,)))
    (only,) = settled.drafts
    return only, settled.problems


def typed(term: str, *values: Value, use: Any = "apply") -> tuple[Value, ...]:
    """The values as the template has them; nothing was wrong with them."""
    draft, problems = settle(artwork(given(term, *values)), use)
    assert problems == ()
    return draft.properties[0].values


# --- apply ----------------------------------------------------------------------------------------


def test_ignored_templates_are_not_even_looked_up() -> None:
    target = Target()
    mapped = Mapped("data0", 1, (artwork(given("dcterms:source", Value(text="https://x.org/1"))),))
    assert Templates("ignore", target).settle(mapped) is mapped
    assert target.asked == []


def test_a_draft_that_names_no_class_gets_that_of_its_template() -> None:
    draft, problems = settle(artwork())
    assert (draft.fields, problems) == (Fields(template="Artwork", resource_class="dctype:Image"), ())


@pytest.mark.parametrize("named", ["foaf:Document", None])
def test_a_class_that_the_control_file_names_stays_even_where_it_says_none(named: str | None) -> None:
    fields = Fields(template="Artwork", resource_class=named)
    draft, _ = settle(artwork(fields=fields))
    assert draft.fields == fields


def test_a_value_without_a_named_type_gets_the_first_type_of_the_template_that_takes_it() -> None:
    assert typed("dcterms:source", untyped("https://x.org/1", language="en")) == (
        Value("uri", uri="https://x.org/1", language="en"),
    )
    assert typed("dcterms:date", untyped("1863"), untyped("1863/1865")) == (
        Value("numeric:timestamp", "1863"),
        Value("numeric:interval", "1863/1865"),
    )
    assert typed("dcterms:medium", untyped("oil"), untyped("tears", public=True)) == (
        Value("customvocab:3", "oil"),
        Value(text="tears", public=True),
    )


def test_a_value_whose_type_the_control_file_names_keeps_it() -> None:
    assert typed("dcterms:source", Value(text="https://x.org/1")) == (Value(text="https://x.org/1"),)


def test_a_text_that_no_type_takes_stays_a_text_and_is_warned_of() -> None:
    draft, problems = settle(artwork(given("dcterms:source", untyped("the attic"))))
    assert draft.properties[0].values == (Value(text="the attic"),)
    assert problems == (
        Problem(
            "warning",
            "template-type-left",
            "dcterms:source: “the attic” is none of the types that the template “Artwork” gives this "
            "property (uri); it stays a text.",
            "/instructions/1",
            "the attic",
        ),
    )


@pytest.mark.parametrize(
    ("term", "value"),
    [
        ("dcterms:creator", untyped("12")),
        ("dcterms:date", untyped("1863", language="en")),
        ("dcterms:relation", untyped("oil")),
    ],
    ids=["a number is no link", "a number has no language", "a vocabulary that is gone takes nothing"],
)
def test_a_template_makes_nothing_of_a_text_that_it_does_not_say(term: str, value: Value) -> None:
    draft, problems = settle(artwork(given(term, value)))
    assert draft.properties[0].values == (msgspec.structs.replace(value, untyped=False),)
    assert [problem.code for problem in problems] == ["template-type-left"]


def test_values_of_a_private_property_are_private_unless_the_control_file_says_otherwise() -> None:
    values = (untyped("bought"), Value(text="sold", public=True), Value(text="lost", public=False))
    assert [value.public for value in typed("dcterms:provenance", *values)] == [False, True, False]


def test_what_stands_in_for_a_link_is_typed_too_and_annotations_are_texts() -> None:
    link = Link("item:work", "s", ("dcterms:identifier",), ("1",), otherwise=(untyped("https://x.org/1"),))
    annotation = (Property("dcterms:description", (untyped("see there"),)),)
    (value,) = typed("dcterms:source", Value("resource", link=link, annotation=annotation))
    assert value.link is not None
    assert value.link.otherwise == (Value("uri", uri="https://x.org/1"),)
    assert value.annotation == (Property("dcterms:description", (Value(text="see there"),)),)


@pytest.mark.parametrize("fields", [Fields(), Fields(template=None), Fields(template="Nowhere")])
def test_without_a_template_a_value_without_a_type_is_a_text(fields: Fields) -> None:
    draft, problems = settle(artwork(given("dcterms:source", untyped("https://x.org/1")), fields=fields))
    assert problems == ()
    assert draft == artwork(given("dcterms:source", Value(text="https://x.org/1")), fields=fields)


def test_a_template_is_looked_up_once() -> None:
    target = Target()
    templates = Templates("apply", target)
    for row in range(3):
        templates.settle(Mapped("data0", row, (artwork(), artwork(fields=Fields(template="Nowhere")))))
    assert target.asked == ["Artwork", "Nowhere"]


# --- enforce --------------------------------------------------------------------------------------


def test_a_whole_record_is_as_with_apply() -> None:
    draft = artwork(*WHOLE, given("dcterms:source", untyped("https://x.org/1")))
    assert settle(draft, "enforce") == settle(draft, "apply")
    assert settle(draft, "enforce")[1] == ()


def test_every_required_property_that_is_missing_is_told() -> None:
    _, problems = settle(artwork(given("dcterms:title", on_update="remove")), "enforce")
    assert problems == tuple(
        Problem(
            "reject",
            "template-required",
            f"The template “Artwork” requires {term}, and the record gives item none. "
            "Complete the record, or say a `default`.",
        )
        for term in ("dcterms:title", "dcterms:format")
    )


def test_a_loaded_resource_need_not_be_given_again_what_is_required() -> None:
    assert settle(artwork(action="load"), "enforce")[1] == ()


def test_a_value_of_a_type_that_the_template_does_not_allow_is_refused() -> None:
    values = (untyped("tears"), Value("uri", uri="https://x.org/oil"))
    _, problems = settle(artwork(WHOLE[0], given("dcterms:format", *values)), "enforce")
    allowed = "dcterms:format: the template “Artwork” allows customvocab:Materials here, and "
    assert problems == (
        Problem("reject", "template-type", f"{allowed}“tears” is literal.", "/instructions/1", "tears"),
        Problem(
            "reject",
            "template-type",
            f"{allowed}“https://x.org/oil” is uri.",
            "/instructions/1",
            "https://x.org/oil",
        ),
    )


@pytest.mark.parametrize(
    ("to", "codes"), [("item:artist", []), ("resource", []), ("item-set", ["template-type"])]
)
def test_a_link_is_of_the_type_of_what_it_leads_to(to: str, codes: list[str]) -> None:
    value = Value("resource", link=Link(to, "", (), ("7",)))
    _, problems = settle(artwork(*WHOLE, given("dcterms:creator", value)), "enforce")
    assert [problem.code for problem in problems] == codes


def test_a_property_that_the_template_does_not_have_is_free() -> None:
    more = given("dcterms:subject", Value("uri", uri="https://x.org/1"), untyped("sea"))
    assert settle(artwork(*WHOLE, more), "enforce")[1] == ()


# --- within the way of a record -------------------------------------------------------------------


def artworks(use: Any, look_ups: Given) -> Planner:
    return planner(look_ups, resolver=Target(), templates=use)


def test_what_is_meant_of_a_record_is_what_its_template_has_made_of_it() -> None:
    look_ups = Given()
    draft = artwork(*WHOLE, given("dcterms:source", untyped("https://x.org/1")), identity=identity("A1"))
    settled, _ = settle(draft)
    look_ups.wrote(settled, standing(7, {}))
    (entry,) = artworks("apply", look_ups).plan([record(draft)]).entries
    assert (entry.action, entry.outcome) == ("unchanged", "unchanged")


def test_a_record_that_breaks_its_template_is_rejected_with_all_that_is_wrong() -> None:
    draft = artwork(identity=identity("A1"))
    (entry,) = artworks("enforce", Given()).plan([record(draft)]).entries
    assert (entry.action, entry.outcome, entry.code) == ("reject", "rejected", "template-required")
    assert entry.problems is not None
    assert len(msgspec.json.decode(entry.problems, type=list[Problem])) == 2


def test_only_values_without_a_named_type_are_left_to_a_template() -> None:
    instructions: list[dict[str, Any]] = [
        {"action": "new", "set": {"template": "Artwork"}},
        {"source": "a", "name": "dcterms:title"},
        {"source": "a", "name": "dcterms:date", "type": "literal"},
        {"source": "a", "name": "dcterms:extent", "type": "integer"},
        {"source": "b", "name": "dcterms:source", "type": "uri", "otherwise": {"type": "literal"}},
        {"action": "fields", "fields": {"a": "dcterms:subject", "b": "dcterms:medium ^^literal"}},
        {"action": "set-value", "name": "dcterms:rights", "value": "Open"},
    ]
    row = Row("data0", 1, {"a": "12", "b": "attic"})
    marked = {
        use: {
            part.term: [value.untyped for value in part.values]
            for part in mapper(instructions, templates=use).map(row).drafts[0].properties
        }
        for use in ("ignore", "apply", "enforce")
    }
    assert (
        marked["apply"]
        == marked["enforce"]
        == {
            "dcterms:title": [True],
            "dcterms:date": [False],
            "dcterms:extent": [False],
            "dcterms:source": [False],
            "dcterms:subject": [True],
            "dcterms:medium": [False],
            "dcterms:rights": [True],
        }
    )
    assert {flag for flags in marked["ignore"].values() for flag in flags} == {False}


@pytest.mark.parametrize(
    ("root", "needed"),
    [
        ({}, False),
        ({"templates": "ignore"}, False),
        ({"templates": "apply"}, True),
        ({"templates": "enforce"}, True),
    ],
)
def test_what_templates_say_is_asked_for_only_where_they_count(root: dict[str, str], needed: bool) -> None:
    control = {
        "dataImportControlFileVersion": 1,
        "model": "omeka-s",
        "visibility": "public",
        "sites": [],
        "files": {"data0": {"read": "json"}},
        "instructions": [
            {"action": "new", "set": {"template": "Artwork"}},
            {"source": "t", "name": "dcterms:title"},
        ],
    }
    parsed = parse_control(msgspec.json.encode(control | root)).control
    assert parsed is not None
    assert names_used(parsed).of_templates is needed
    del control["instructions"][0]["set"]  # type: ignore[union-attr]
    without = parse_control(msgspec.json.encode(control | root)).control
    assert without is not None
    assert names_used(without).of_templates is False


def test_a_template_of_the_target_is_told_in_terms_by_label_and_by_number() -> None:
    details = Template(
        7,
        "Work",
        next(iter(VOCABULARY.classes.labels)),
        (
            TemplateProperty(1, (), True, False, None),
            TemplateProperty(7, ("numeric:timestamp",), False, True, "en"),
            TemplateProperty(9999, ("literal",), True, False, None),
        ),
    )
    templates = msgspec.structs.replace(VOCABULARY.templates, labels={7: "Work"}, by_name={"Work": (7,)})
    vocabulary = msgspec.structs.replace(VOCABULARY, templates=templates, template_details={7: details})
    resolver = NamesResolver(vocabulary)
    expected = TemplateFacts(
        "Work",
        next(iter(VOCABULARY.classes.labels.values())),
        (
            TemplateTerm("dcterms:title", (), required=True, private=False),
            TemplateTerm("dcterms:date", ("numeric:timestamp",), required=False, private=True),
        ),
    )
    assert [resolver.template(name) for name in ("Work", "7", "Wrok")] == [expected, expected, None]
    assert [resolver.data_type(name) for name in ("customvocab:Materials", "customvocab:No", "uri")] == [
        "customvocab:1",
        "customvocab:No",
        "uri",
    ]
