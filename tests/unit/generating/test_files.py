"""Files as people have them: which reader, what stands in them, and what is said of those that are none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.nasty.support import marc, xlsx, zipped
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
from worker.errors import Fatal, FileUnreadable
from worker.generating import generate
from worker.generating.identity import scope_of

GERMAN = (
    "Inv. Nr.;Titel;Titel (en);Künstler/in;Datierung;Schlagwörter;Erfasst am;Öffentlich;Leer;Blatt\n"
    '1;Haus;House;"Müller, A.";um 1920;"Haus (groß; klein); Baum";24.12.2001;true;;2\n'
    '2;Baum;Tree;"Meier, B.";1930er;Baum;01.02.2002;false;;2\n'
    '3;Berg;Hill;"Meier, B.";o.J.;Berg;03.03.2002;true; ;2\n'
)


def test_a_german_table_in_windows_1252(tmp_path) -> None:
    path = write(tmp_path, "Grafik_2024-01-31_export.csv", GERMAN.encode("cp1252"))
    made = generate(given(path), None, None)
    assert made.text == (Path(__file__).parent / "data" / "german.json").read_text(encoding="utf-8")
    assert made.notes == (
        'Read as cp1252, guessed: line 1 is not UTF-8 (byte 0xFC). Say "encoding" in the control file to be '
        "sure.",
        "Separated by semicolons, guessed from the first lines.",
        '10 columns, named in line 1: "Inv. Nr.", "Titel", "Titel (en)", "Künstler/in", "Datierung", '
        '"Schlagwörter", "Erfasst am", "Öffentlich", "Leer", "Blatt".',
        'Empty in these records and left out: "Leer".',
        "2 decisions left to make: look for TODO.",
    )
    results = run(without_todos(control_of(made)), path)
    assert [one.problems for one in results] == [(), (), ()]
    (subjects,) = [p for p in results[0].drafts[0].properties if p.term == "dcterms:subject"]
    assert [value.text for value in subjects.values] == ["Haus (groß; klein)", "Baum"]
    assert [one.drafts[0].fields.public for one in results] == [True, False, True]


def test_the_text_is_what_a_person_would_write(tmp_path) -> None:
    text = generate(given(write(tmp_path, "works.csv", "No.,Title\n1,Tree\n2,House\n")), None, None).text
    assert (
        text
        == """{
  "comment": "Made from works.csv (2 records, all there are).",
  "dataImportControlFileVersion": 1,
  "model": "omeka-s",
  "visibility": "private",
  "sites": [],
  "match": {
    "item": {
      "comment": "No. differs in all 2 records that were looked at. It is added as dcterms:identifier.",
      "source": "No.",
      "by": "dcterms:identifier",
      "scope": "works"
    }
  },
  "files": {"works.csv": {"comment": "Separated by commas, guessed from the first lines.", "read": "csv"}},
  "instructions": [
    {"action": "new", "destination": "item"},
    {"source": "Title", "name": "dcterms:title"}
  ]
}
"""
    )


NESTED = {
    "count": 2,
    "data": {
        "items": [
            {"uuid": "a", "title": {"en": "One", "de": "Eins"}, "tags": ["x", "y"], "maker": {"name": "A"},
             "when": "01/02/1999", "page": "http://e.org/1", "label": "l"},
            {"uuid": "b", "title": {"en": "Two"}, "tags": "z", "maker": [{"name": "B"}, {"name": "C"}],
             "when": "03/02/1999", "page": "http://e.org/2", "label": "m"},
        ]
    },
}  # fmt: skip


def test_an_answer_of_an_interface_with_lists_where_there_are_several(tmp_path) -> None:
    path = write(tmp_path, "api.json", json.dumps(NESTED))
    control = control_of(generate(given(path), None, None))
    assert control["files"] == {"api.json": {"read": "json", "at": "data.items"}}
    assert control["match"]["item"]["source"] == "uuid"
    assert control["instructions"] == [
        {"action": "new", "destination": "item"},
        {"expression": "title.en", "name": "dcterms:title", "multivalue": True, "language": "en"},
        {"expression": "title.de", "name": "dcterms:title", "multivalue": True, "language": "de"},
        {"source": "tags", "name": "dcterms:subject", "multivalue": True},
        {"expression": "[maker][].name", "name": "dcterms:creator", "multivalue": True},
        {
            "comment": "Values: “01/02/1999”, “03/02/1999”. Nothing shows whether day or month comes first. "
            "What is no date stays as it is written.",
            "source": "when",
            "name": "TODO: dcterms:date or dcterms:created?",
            "filters": [{"date": {"order": "TODO: dmy or mdy?"}}],
            "otherwise": {"type": "literal", "filters": []},
        },
        {
            "comment": "Values: “http://e.org/1”.",
            "source": "page",
            "name": "TODO: dcterms:references?",
            "type": "uri",
        },
        {"comment": "Values: “l”, “m”.", "source": "label", "name": "TODO: dcterms:title?"},
    ]
    second = run(without_todos(control), path)[1].drafts[0]
    assert [value.text for p in second.properties if p.term == "dcterms:creator" for value in p.values] == [
        "B",
        "C",
    ]


OAI = """<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><responseDate>2024</responseDate><ListRecords>
<record><header><identifier>oai:1</identifier></header><metadata><dc><title lang="en">One</title>
<creator>A</creator><creator>B</creator><type kind="x"/></dc></metadata></record>
<record><header><identifier>oai:2</identifier></header><metadata><dc><title>Two</title>
<creator>C</creator></dc></metadata></record></ListRecords></OAI-PMH>"""


def test_xml_finds_its_records_and_its_lists(tmp_path) -> None:
    path = write(tmp_path, "oai.xml", OAI)
    control = control_of(generate(given(path), None, None))
    assert control["files"] == {
        "oai.xml": {"read": "xml", "record": "OAI-PMH/ListRecords/record", "repeat": ["creator"]}
    }
    assert control["match"]["item"]["expression"] == "header.identifier"
    assert names(control) == {
        'metadata.dc.not_null(title."#text", title)': "dcterms:title",
        "metadata.dc.creator[]": "dcterms:creator",
    }
    assert control["instructions"][-1] == {
        "comment": "The parts of metadata.dc.type.",
        "action": "within",
        "expression": "metadata.dc.type",
        "instructions": [
            {"comment": "Which of them is it: @kind (“x”)?", "source": "TODO: @kind?", "name": "dcterms:type"}
        ],
    }
    results = run(without_todos(control), path)
    assert [
        [(p.term, [value.text for value in p.values]) for p in one.drafts[0].properties] for one in results
    ] == [
        [("dcterms:title", ["One"]), ("dcterms:creator", ["A", "B"]), ("dcterms:identifier", ["oai:1"])],
        [("dcterms:title", ["Two"]), ("dcterms:creator", ["C"]), ("dcterms:identifier", ["oai:2"])],
    ]


def test_marc_is_mapped_by_its_tags(tmp_path) -> None:
    fields = [
        ("001", b"42"),
        ("008", b"x"),
        ("100", b"1 \x1faBlake, William,"),
        ("245", b"10\x1faSongs :\x1fbof innocence /"),
        ("650", b" 0\x1faPoetry"),
        ("650", b" 0\x1faEngraving"),
    ]
    path = write(tmp_path, "books.mrc", marc(*fields) + marc(("001", b"43"), ("245", b"10\x1faMilton")))
    control = control_of(generate(given(path), None, None))
    assert control["files"] == {"books.mrc": {"comment": "Tags that nothing reads: 008.", "read": "marc"}}
    results = run(control, path)
    assert [one.drafts[0].identity.values for one in results] == [("42",), ("43",)]
    assert [(p.term, [v.text for v in p.values]) for p in results[0].drafts[0].properties] == [
        ("dcterms:title", ["Songs : of innocence"]),
        ("dcterms:creator", ["Blake, William"]),
        ("dcterms:subject", ["Poetry", "Engraving"]),
        ("dcterms:identifier", ["42"]),
    ]


def test_a_sheet_with_a_title_above_the_names_of_its_columns(tmp_path) -> None:
    cells = [
        ["Register of photographs", "", ""],
        ["", "", ""],
        ["Object no.", "Title", "Maker"],
        ["1", "Tree", "B"],
        ["2", "Hill", "C"],
    ]
    rows = "".join(
        f'<row r="{y}">'
        + "".join(
            f'<c r="{"ABC"[x]}{y}" t="inlineStr"><is><t>{text}</t></is></c>'
            for x, text in enumerate(row)
            if text
        )
        + "</row>"
        for y, row in enumerate(cells, start=1)
    )
    path = write(tmp_path, "register.xlsx", xlsx(rows))
    control = control_of(generate(given(path), None, None))
    assert control["files"]["register.xlsx"] == {"read": "xlsx", "headerRow": 3}
    assert names(control) == {"Title": "dcterms:title", "Maker": "dcterms:creator"}


@pytest.mark.parametrize(
    ("name", "content", "entry"),
    [
        ("a.jsonl", '{"title": "x"}\n{"title": "y"}\n', {"read": "jsonl"}),
        ("a.json", '{"title": "x"}\n{"title": "y"}\n', {"read": "jsonl"}),
        ("a.txt", '[{"title": "x"}]', {"read": "json"}),
        ("a.json", '{"title": "x"}', {"read": "json", "singleRecord": True}),
        ("a.json", '{"a.b": [{"title": "x"}]}', {"read": "json", "at": ["a.b"]}),
        ("a.tsv", "Title\tMaker\nx\ty\n", {"read": "csv", "separator": "\t"}),
        ("a.csv", "sep=;\nTitle;Maker\nx;y\n", {"read": "csv"}),
        ("a.csv", "Title|Maker\nx|y\n", {"read": "csv", "separator": "|"}),
        ("dir/*.csv", "Title,Maker\nx,y\n", {"read": "csv"}),
    ],
)
def test_the_reader_is_found_by_content(tmp_path, name, content, entry) -> None:
    path = write(tmp_path, "file", content)
    made = generate(type(given(path))(name, path, path.stat().st_size), None, None)
    ((key, found),) = control_of(made)["files"].items()
    found.pop("comment", None)
    assert (key, found) == (name.removeprefix("dir/").replace("*", "-"), entry)
    assert only_todos(made.text) == []


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"", "file-empty", "works.csv: The file is empty (0 bytes). Export it again."),
        (
            b"Title,Maker\n",
            "no-records",
            "works.csv: The file has no record that can be read. Export it again, with its records.",
        ),
        (
            b"<html><body>Log in</body></html>",
            "other-format",
            "works.csv: This is an HTML page, often the login or error page of the system it was exported "
            "from. Export the records again.",
        ),
        (
            zipped({"a.csv": "Title\nx\n"}),
            "other-format",
            "works.csv: This is a zip archive. Unpack it and upload the files inside.",
        ),
        (
            b"Title,Title\nx,y\n",
            "header-duplicate",
            "works.csv, line 1: Several columns have the same name, so a value could not be told from "
            'another: "Title" (columns 1, 2). Give each its own name in the header.',
        ),
        (
            b"<a><b>x</b></a>",
            "xml-no-records",
            "works.csv: No element of this document comes twice, so it does not show what a record is. Say "
            'it with "record": the names of elements from the root, joined by /.',
        ),
        (
            b"[1, 2]",
            "no-records",
            r"works.csv: The file has no record that can be read. The first: .*an object.*",
        ),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, content, code, message) -> None:
    path = write(tmp_path, "works.csv", content)
    with pytest.raises(FileUnreadable) as refused:
        generate(given(path), None, None)
    assert refused.value.code == code
    assert refused.value.message == message or re.fullmatch(message, refused.value.message)


def test_a_reader_that_does_not_exist_is_answered_with_the_nearest(tmp_path) -> None:
    with pytest.raises(Fatal) as refused:
        generate(given(write(tmp_path, "a.csv", "Title\nx\n"), reader="xslx"), None, None)
    assert refused.value.code == "unknown-reader"
    assert refused.value.message == 'No control file can be made with the reader "xslx": did you mean "xlsx"?'


def test_a_reader_that_was_said_is_the_one_that_reads(tmp_path) -> None:
    path = write(tmp_path, "a.txt", "Title\tMaker\nx\ty\n")
    control = control_of(generate(given(path, reader="tsv-with-name-row"), None, None))
    assert control["files"] == {"a.txt": {"read": "tsv-with-name-row"}}


# --- identity and title -------------------------------------------------------------------------------


def test_a_number_that_comes_twice_is_no_identity(tmp_path) -> None:
    control = from_text(tmp_path, "works.csv", "Object no.,Title\n1,Tree\n1,House\n2,Hill\n")
    assert control["match"]["item"] == {
        "comment": "Object no. comes again in 1 record, so it cannot tell records apart.",
        "source": "TODO: Object no.?",
        "by": "dcterms:identifier",
        "scope": "works",
    }


def test_without_any_identifier_a_person_must_say(tmp_path) -> None:
    control = from_text(tmp_path, "works.csv", "Title,Maker\nTree,A\nHouse,B\n")
    assert control["match"]["item"]["source"] == "TODO"


def test_the_number_on_the_thing_is_better_than_that_of_a_system(tmp_path) -> None:
    control = from_text(tmp_path, "w.csv", "ID,Inventory no.,Object number,Title\n1,A,X,Tree\n2,B,Y,House\n")
    assert control["match"]["item"]["source"] == "Inventory no."
    assert names(control) == {
        "ID": "TODO: dcterms:identifier?",
        "Object number": "dcterms:identifier",
        "Title": "dcterms:title",
    }


def test_without_a_title_somebody_must_say_which_it_is(tmp_path) -> None:
    control = from_text(tmp_path, "w.csv", "No.,Maker\n1,A\n2,B\n")
    assert control["instructions"][-1] == {
        "comment": "No column is called a title; Omeka shows resources without one as “[Untitled]”.",
        "source": "TODO",
        "name": "dcterms:title",
    }


def test_images_are_not_imported_unasked(tmp_path) -> None:
    content = "No.,Title,Image\n1,Tree,http://e.org/1.jpg\n2,Hill,http://e.org/2.jpg\n"
    image = from_text(tmp_path, "w.csv", content)["instructions"][-1]
    assert image == {
        "comment": "Values: “http://e.org/1.jpg”. Addresses of images. To import the images themselves, "
        'write instead: {"action": "new", "destination": "media"}, {"source": …, "destination": "media", '
        '"name": "url"} (if the target allows it).',
        "source": "Image",
        "name": "TODO: dcterms:references?",
        "type": "uri",
    }


def test_records_that_cannot_be_read_are_told(tmp_path) -> None:
    made = generate(given(write(tmp_path, "w.csv", "No.,Title\n1,Tree\n2,House,more\n3,Hill\n")), None, None)
    assert any(
        note.startswith("1 record of 3 cannot be read and would be rejected. The first is 3:")
        for note in made.notes
    )


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("artworks-500.json", "artworks"),
        ("Export_Grafik 2024-01-31.csv", "grafik"),
        ("folder/Fotos – Köln.xlsx", "fotos-köln"),
        ("data0", ""),
        ("2024.csv", ""),
        ("C:\\exports\\Prints.csv", "prints"),
    ],
)
def test_the_scope_is_what_the_file_is_about(name, scope) -> None:
    assert scope_of(name) == scope
