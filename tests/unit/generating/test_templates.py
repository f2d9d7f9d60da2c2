"""Templates of a target: their names, their data types, what they require."""

from __future__ import annotations

import pytest

from service.control.parse import parse_control
from tests.unit.generating.support import (
    control_of,
    from_text,
    given,
    names,
    only_todos,
    run,
    without_todos,
    write,
)
from worker.errors import Fatal
from worker.generating import (
    TargetCustomVocabulary,
    TargetItemSet,
    TargetModel,
    TargetProperty,
    TargetTemplate,
    TargetVocabulary,
    TemplateProperty,
    generate,
)

TEMPLATE = TargetTemplate(
    "Artwork",
    "dctype:Image",
    (
        TemplateProperty("dcterms:identifier", "Inventory", required=True),
        TemplateProperty("dcterms:title", "Name of the work", required=True, language="en"),
        TemplateProperty("dcterms:created", data_types=("numeric:timestamp",)),
        TemplateProperty("dcterms:temporal", "Span", data_types=("numeric:interval", "literal")),
        TemplateProperty("dcterms:medium", data_types=("customvocab:3",)),
        TemplateProperty("dcterms:source", "Web page", data_types=("uri",)),
        TemplateProperty("dcterms:provenance", "Price paid", private=True),
        TemplateProperty("dcterms:rights", required=True),
        TemplateProperty("dcterms:extent", "Pieces", data_types=("numeric:integer",)),
        TemplateProperty("dcterms:relation", "Sibling", data_types=("resource:item",)),
        TemplateProperty("dcterms:abstract"),
    ),
)
DCTERMS = ("title", "identifier", "created", "date", "temporal", "medium", "source", "provenance", "rights")
MODEL = TargetModel(
    "omeka-s",
    "museum",
    vocabularies=(
        TargetVocabulary(
            "dcterms",
            "Dublin Core",
            properties=tuple(
                TargetProperty(f"dcterms:{local}", local.title())
                for local in (*DCTERMS, "extent", "relation", "abstract", "creator")
            ),
        ),
    ),
    templates=(TEMPLATE, TargetTemplate("Person", "foaf:Person")),
    item_sets=(TargetItemSet(1, "Prints"), TargetItemSet(2, "Drawings")),
    custom_vocabularies=(TargetCustomVocabulary(3, "Materials", ("Oil paint", "Paper", "Ink")),),
)
TABLE = """Inventory,Name of the work,created,Span,Medium,Web page,Price paid,Pieces,Sibling,Artist,Department
A1,Tree,12 May 1920,1920-1925,oil paint,http://example.org/1,100,1,A2,Blake,Prints
A2,House,1921,1920s,Paper,http://example.org/2,,2,A1,Turner,Drawings
A3,Hill,,c. 1920,Papr,http://example.org/3,,3,,Blake,Prints
"""


def test_columns_go_to_the_template_by_its_names_types_and_order(tmp_path) -> None:
    path = write(tmp_path, "works.csv", TABLE)
    made = generate(given(path), MODEL, "Artwork")
    control = control_of(made)
    assert {**control, "instructions": []} == {
        "comment": "Made from works.csv (3 records, all there are). Decide what begins with TODO; until then "
        "this file is refused.",
        "dataImportControlFileVersion": 1,
        "model": "omeka-s",
        "target": "museum",
        "visibility": "private",
        "sites": [],
        "match": {
            "item": {
                "comment": "Inventory differs in all 3 records that were looked at. It is added as "
                "dcterms:identifier.",
                "source": "Inventory",
                "by": "dcterms:identifier",
                "scope": "works",
            }
        },
        "files": {
            "works.csv": {"comment": "Separated by commas, guessed from the first lines.", "read": "csv"}
        },
        "instructions": [],
    }
    assert control["instructions"] == [
        {"action": "new", "destination": "item", "set": {"template": "Artwork", "class": "dctype:Image"}},
        {"source": "Name of the work", "name": "dcterms:title", "language": "en"},
        {
            "source": "created",
            "name": "dcterms:created",
            "filters": [{"date": {"to": "timestamp"}}],
            "type": "numeric:timestamp",
        },
        {
            "source": "Span",
            "name": "dcterms:temporal",
            "filters": [{"date": {"to": "interval"}}],
            "type": "numeric:interval",
        },
        {
            "comment": '"oil paint", "Papr" stand in no entry of the vocabulary “Materials”.',
            "source": "Medium",
            "name": "dcterms:medium",
            "mapInputValue": {"oil paint": "Oil paint", "Papr": "TODO: Paper?"},
            "unmapped": "pass",
            "type": "customvocab:Materials",
        },
        {"source": "Web page", "name": "dcterms:source", "type": "uri"},
        {
            "comment": "Numbers, written as text.",
            "source": "Price paid",
            "name": "dcterms:provenance",
            "public": False,
        },
        {"source": "Pieces", "name": "dcterms:extent", "type": "numeric:integer"},
        {
            "comment": 'The template allows resource:item only, which does not take "A2", "A1". A link says '
            'to what it leads, and by which property: "link": {"to": …, "by": …}.',
            "source": "Sibling",
            "name": "dcterms:relation",
            "type": "TODO: resource with a link?",
        },
        {
            "comment": "dcterms:creator by what it is called; the template does not have it.",
            "source": "Artist",
            "name": "dcterms:creator",
        },
        {
            "comment": "These are titles of item sets of the target.",
            "source": "Department",
            "name": "item-set",
        },
        {
            "comment": "The template requires “Rights”, and no column is called so.",
            "source": "TODO",
            "name": "dcterms:rights",
        },
    ]
    assert 'No column fits what the template also has: "Abstract".' in made.notes
    assert "3 decisions left to make: look for TODO." in made.notes
    assert only_todos(made.text) == []
    assert [one.problems for one in run(without_todos(control), path, MODEL)] == [(), (), ()]


def test_a_near_relative_in_the_template_is_a_question(tmp_path) -> None:
    control = from_text(tmp_path, "works.csv", "Title,Datierung\nTree,1920\n", MODEL, "Artwork")
    assert names(control)["Datierung"] == "TODO: dcterms:created or dcterms:date?"


def test_a_template_alone_asks_for_the_column_of_each_property() -> None:
    made = generate(None, MODEL, "Artwork")
    control = control_of(made)
    assert control["instructions"][1:4] == [
        {
            "comment": "Required.",
            "source": "TODO: the column of “Inventory”",
            "name": "dcterms:identifier",
        },
        {
            "comment": "Required.",
            "source": "TODO: the column of “Name of the work”",
            "name": "dcterms:title",
            "language": "en",
        },
        {"source": "TODO: the column of “Created”", "name": "dcterms:created", "type": "numeric:timestamp"},
    ]
    assert [one["name"] for one in control["instructions"][1:]] == [own.term for own in TEMPLATE.properties]
    assert only_todos(made.text) == []
    assert {problem.code for problem in parse_control(made.text.encode()).problems} >= {"todo"}


def test_every_todo_is_refused_and_with_all_of_them_resolved_the_file_is_sound() -> None:
    made = generate(None, MODEL, "Artwork")
    problems = parse_control(made.text.encode()).problems
    assert len([problem for problem in problems if problem.code == "todo"]) == made.text.count('"TODO')
    settled = made.text
    for todo, word in (
        ("TODO: csv, xlsx, json …?", "csv"),
        ("TODO: resource with a link?", "resource"),
        ("TODO: the column of the identifier", "No"),
        ('"scope": "TODO"', '"scope": "works"'),
        ("TODO: the column of ", ""),
    ):
        assert todo in settled
        settled = settled.replace(todo, word)
    parsed = parse_control(settled.encode())
    assert parsed.problems == ()
    assert parsed.warnings == ()


@pytest.mark.parametrize(
    ("model", "template", "code", "message"),
    [
        (
            MODEL,
            "Artworks",
            "unknown-template",
            'There is no resource template "Artworks" in the target "museum": did you mean "Artwork"?',
        ),
        (
            MODEL,
            "Zebra",
            "unknown-template",
            'There is no resource template "Zebra" in the target "museum": there are "Artwork", "Person".',
        ),
        (
            TargetModel("omeka-classic"),
            "Artwork",
            "unknown-template",
            'There is no resource template "Artwork" in the target: it has no resource templates at all.',
        ),
        (
            None,
            "Artwork",
            "template-without-target",
            'The template "Artwork" belongs to a target: name the target it is to be looked up in.',
        ),
        (
            MODEL,
            None,
            "nothing-to-generate-from",
            "A control file is made from a data file, from a resource template of a target, or from both; "
            "there is neither.",
        ),
    ],
)
def test_what_cannot_be_found_is_said_with_the_nearest_right_word(model, template, code, message) -> None:
    with pytest.raises(Fatal) as refused:
        generate(None, model, template)
    assert (refused.value.code, refused.value.message) == (code, message)


def test_classic_has_the_fifteen_elements(tmp_path) -> None:
    fifteen = ("title", "format", "coverage", "date", "identifier")
    model = TargetModel(
        "omeka-classic",
        vocabularies=(
            TargetVocabulary(
                "dcterms",
                "Dublin Core",
                properties=tuple(TargetProperty(f"dcterms:{local}", local) for local in fifteen),
            ),
            TargetVocabulary(
                "Item Type Metadata",
                "Item Type Metadata",
                properties=(TargetProperty("Item Type Metadata:Text", "Text"),),
            ),
        ),
    )
    control = from_text(tmp_path, "a.csv", "Title,Medium,Ort,Transcript\nTree,oil,Rome,Once\n", model)
    assert control["model"] == "omeka-classic"
    assert names(control) == {
        "Title": "dcterms:title",
        "Medium": "dcterms:format",
        "Ort": "dcterms:coverage",
        "Transcript": "TODO",
    }
