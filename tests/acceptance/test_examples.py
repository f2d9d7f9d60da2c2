"""The examples, each as its page tells: dry run, import, what stands in the target, the same again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from tests.acceptance.installation import ROOT, Installation
from tests.standins.omeka_s import StandIn
from tests.unit.mapping.files import drafts_of

EXAMPLES = ROOT / "examples"
Item = dict[str, Any]


def files_of(example: str, **names: str) -> tuple[bytes, dict[str, bytes | Path]]:
    """The control file of an example, and its data by the names that they have in the batch."""
    folder = EXAMPLES / example
    return (folder / "control.json").read_bytes(), {name: folder / file for name, file in names.items()}


def imported(
    accession: Installation,
    omeka: StandIn,
    example: str,
    *,
    read: int,
    created: int,
    skipped: int = 0,
    **names: str,
) -> str:
    """Dry run and import of an example; the counts are told as `created` items of `read` records."""
    control, data = files_of(example, **names)
    batch = accession.batch(control, data)
    assert accession.run(batch, "dry-run") == "dry-run", accession.log(batch)
    planned = {"read": read, "planned": created + skipped, "action:create": created}
    planned |= {"action:skip": skipped, "skipped": skipped} if skipped else {}
    assert accession.counts(batch) == planned
    assert omeka.requests()["writes"] == 0

    assert accession.run(batch) == "complete", accession.log(batch)
    assert accession.counts(batch) == planned | {"created": created}
    assert omeka.requests()["writes"] == len(omeka.dump()["items"]) == created
    return batch


def unchanged_again(
    accession: Installation, omeka: StandIn, example: str, *, unchanged: int, **names: str
) -> None:
    """A new batch of the same files writes nothing."""
    before = omeka.dump()
    omeka.reset_requests()
    control, data = files_of(example, **names)
    batch = accession.batch(control, data)
    assert accession.run(batch) == "complete", accession.log(batch)
    assert accession.counts(batch)["unchanged"] == unchanged
    assert omeka.requests()["writes"] == 0
    assert omeka.dump() == before


def by_identifier(omeka: StandIn) -> dict[str, Item]:
    """Identifier → class, visibility and values of each item; no identifier stands twice."""
    items = [(one["dcterms:identifier"][-1]["@value"], _item(one)) for one in omeka.dump()["items"]]
    assert len(items) == len(dict(items))
    return dict(items)


def _item(shown: Mapping[str, Any]) -> Item:
    types = [name for name in _list(shown["@type"]) if name != "o:Item"]
    terms = {key: [_value(one) for one in value] for key, value in shown.items() if _is_term(key)}
    return {"class": types[0] if types else None, "public": shown["o:is_public"]} | terms


def _list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _is_term(key: str) -> bool:
    return ":" in key and not key.startswith("o:") and not key.startswith("@")


def _value(shown: Mapping[str, Any]) -> str:
    """`text@en`, `<address> label`; § before what not everybody sees, ^^type behind what is neither."""
    if shown["type"] == "uri":
        text = f"<{shown['@id']}> {shown.get('o:label') or ''}".rstrip()
    else:
        language = f"@{shown['@language']}" if shown.get("@language") else ""
        text = f"{shown['@value']}{language}" + ("" if shown["type"] == "literal" else f"^^{shown['type']}")
    return text if shown["is_public"] else f"§{text}"


def number_of_values(items: Iterable[Item], term: str) -> int:
    return sum(len(item.get(term, ())) for item in items)


# --- tables ---------------------------------------------------------------------------------------


def test_tate_csv_gives_the_artists_subjects_and_texts_of_the_nested_records(
    accession: Installation, omeka: StandIn
) -> None:
    imported(accession, omeka, "tate-csv", read=500, created=500, data0="artworks-500.csv")
    items = by_identifier(omeka)
    assert {key: value for key, value in items["P01357"].items() if key not in ("dcterms:source",)} == {
        "class": "dctype:Image",
        "public": True,
        "dcterms:identifier": ["P01357"],
        "dcterms:title": ["Map to Not Indicate@en"],
        "dcterms:date": ["1967"],
        "dcterms:created": ["1967"],
        "dcterms:medium": ["Linotype on paper@en"],
        "dcterms:extent": ["image: 508 x 629 mm"],
        "dcterms:provenance": ["Presented by the Institute of Contemporary Prints 1975@en"],
        "dcterms:description": ["date inscribed@en"],
        "dcterms:subject": ["USA, Iowa", "USA, Kentucky", "irony", "map", "text"],
        "foaf:depiction": ["<http://www.tate.org.uk/art/images/work/P/P01/P01357_8.jpg>"],
        "dcterms:creator": ["Art & Language (Terry Atkinson, born 1939; Michael Baldwin, born 1945)"],
    }
    assert items["T07838"]["dcterms:creator"] == [
        "City Racing (Matt Hale; Paul Noble, born 1963; John Burgess; Keith Coventry, born 1958; Peter Owen)",
        "Burgess, John",
        "Hale, Matt",
        "Noble, Paul",
        "Owen, Peter",
    ]
    assert items["D00692"]["dcterms:contributor"] == ["Turner, Joseph Mallord William (pupil of)"]
    assert number_of_values(items.values(), "dcterms:creator") == 494
    assert number_of_values(items.values(), "dcterms:contributor") == 15
    assert number_of_values(items.values(), "dcterms:created") == 452
    _as_the_nested_records(items)
    unchanged_again(accession, omeka, "tate-csv", unchanged=500, data0="artworks-500.csv")


def _as_the_nested_records(items: Mapping[str, Item]) -> None:
    works = json.loads((EXAMPLES / "tate" / "artworks-500.json").read_text(encoding="utf-8"))
    assert sorted(items) == sorted(work["acno"] for work in works)
    for work in works:
        item = items[work["acno"]]
        assert item["dcterms:title"] == [f"{work['title'].strip()}@en"]
        assert item["dcterms:date"] == [work["dateText"].strip()]
        assert item["dcterms:source"] == [f"<{work['url']}> Tate"]
        assert item.get("dcterms:creator", []) == [
            one["mda"] for one in work["contributors"] if one["role"] == "artist"
        ]
        assert item.get("dcterms:contributor", []) == [
            f"{one['mda']} ({one['role']})" for one in work["contributors"] if one["role"] != "artist"
        ]
        leaves = [
            leaf["name"]
            for one in work.get("subjects", {}).get("children", [])
            for two in one.get("children", [])
            for leaf in two.get("children", [])
        ]
        assert item.get("dcterms:subject", []) == list(dict.fromkeys(leaves))


def test_photographs_become_items_of_their_own_beside_the_item_of_their_album(
    accession: Installation, omeka: StandIn
) -> None:
    batch = imported(accession, omeka, "photographs", read=4, created=17, data0="register.xlsx")
    items = by_identifier(omeka)
    assert items["ALB 2"] == {
        "class": "dctype:Collection",
        "public": False,
        "dcterms:identifier": ["ALB 2"],
        "dcterms:title": ["The Forth from the air@en"],
        "dcterms:extent": ["3 photographs"],
        "dcterms:spatial": ["South Queensferry", "Inchgarvie"],
        "dcterms:tableOfContents": [
            "1999.1/1 Forth Bridge from the south",
            "1999.1/2 Forth Bridge from the east",
            "1999.1/3 Inchgarvie",
        ],
    }
    assert items["1998.10"] == {
        "class": "dctype:StillImage",
        "public": False,
        "dcterms:identifier": ["1998.10"],
        "dcterms:title": ["Caisson before it is sunk@en"],
        "dcterms:created": ["1905-05-12"],
        "dcterms:spatial": ["Leith"],
        "dcterms:medium": ["silver print@en"],
        "dcterms:isPartOf": ["Harbour works at Leith"],
    }
    assert items["1998.12"]["dcterms:description"] == ["§torn at the lower edge"]
    assert [items[number].get("dcterms:created") for number in ("1998.12", "1998.13", "1999.1/3")] == [
        ["1905-22"],
        ["1906"],
        ["1928~/1930~"],
    ]
    assert number_of_values(items.values(), "dcterms:created") == 9
    assert Counter(item["class"] for item in items.values()) == {
        "dctype:Collection": 4,
        "dctype:StillImage": 13,
    }
    assert {
        album["dcterms:title"][0].removesuffix("@en"): int(album["dcterms:extent"][0].split()[0])
        for album in items.values()
        if album["class"] == "dctype:Collection"
    } == Counter(item["dcterms:isPartOf"][0] for item in items.values() if "dcterms:isPartOf" in item)
    log = accession.log(batch)
    assert "1 hidden row read like the others." in log
    assert "2 rows above the header left out." in log
    unchanged_again(accession, omeka, "photographs", unchanged=17, data0="register.xlsx")


def test_the_workbook_of_the_photographs_is_what_its_script_makes(tmp_path: Path) -> None:
    import runpy

    made = tmp_path / "register.xlsx"
    runpy.run_path(str(EXAMPLES / "photographs" / "build.py"))["build"]().save(made)
    assert _cells(made) == _cells(EXAMPLES / "photographs" / "register.xlsx")


def _cells(path: Path) -> dict[str, object]:
    book = load_workbook(path)
    return {
        sheet.title: (
            [[(cell.value, cell.number_format) for cell in row] for row in sheet.iter_rows()],
            sorted(str(merged) for merged in sheet.merged_cells.ranges),
            [number for number, row in sheet.row_dimensions.items() if row.hidden],
        )
        for sheet in book.worksheets
    }


# --- XML ------------------------------------------------------------------------------------------


def test_marc_records_become_items_and_the_deleted_one_is_left_out(
    accession: Installation, omeka: StandIn
) -> None:
    batch = imported(accession, omeka, "marc", read=8, created=7, skipped=1, data0="records.xml")
    items = by_identifier(omeka)
    assert items["(XX-ExLib)x0003"] == {
        "class": "bibo:Book",
        "public": True,
        "dcterms:identifier": ["(XX-ExLib)x0003"],
        "dcterms:title": ["Voĭna i mir"],
        "dcterms:alternative": ["Война и мир"],
        "dcterms:creator": ["Tolstoĭ, Lev, graf, 1828-1910"],
        "dcterms:publisher": ["Tip. T. Ris"],
        "dcterms:date": ["1868-1869"],
        "dcterms:issued": ["1868"],
        "dcterms:language": ["rus"],
        "dcterms:extent": ["6 v."],
        "dcterms:subject": ["Russia--History--Alexander I, 1801-1825--Fiction"],
    }
    assert items["(XX-ExLib)x0005"] == {
        "class": "bibo:Book",
        "public": True,
        "dcterms:identifier": ["(XX-ExLib)x0005"],
        "dcterms:title": ["The story of art"],
        "dcterms:creator": ["Gombrich, E. H. (Ernst Hans), 1909-2001"],
        "dcterms:publisher": ["Phaidon"],
        "dcterms:date": ["1995"],
        "dcterms:issued": ["1995"],
        "dcterms:language": ["eng"],
        "bibo:edition": ["Sixteenth edition"],
        "dcterms:extent": ["688 pages"],
        "bibo:isbn": ["0714832472"],
        "dcterms:subject": ["Art--History"],
    }
    assert items["(XX-ExLib)x0002"]["dcterms:hasFormat"] == [
        "<https://www.gutenberg.org/ebooks/1260> Full text"
    ]
    assert {
        number[-1]: (item["class"], item["dcterms:title"], item["dcterms:creator"])
        for number, item in items.items()
        if number[-1] not in "35"
    } == {
        "1": (
            "bibo:Book",
            [
                "On the origin of species by means of natural selection, or, The preservation of favoured "
                "races in the struggle for life"
            ],
            ["Darwin, Charles, 1809-1882"],
        ),
        "2": ("bibo:Book", ["Jane Eyre : an autobiography"], ["Brontë, Charlotte, 1816-1855"]),
        "4": (
            "bibo:Book",
            ["Notes on nursing : what it is, and what it is not"],
            ["Nightingale, Florence, 1820-1910"],
        ),
        "6": (
            "bibo:Periodical",
            ["Philosophical transactions of the Royal Society of London"],
            ["Royal Society (Great Britain)"],
        ),
        "8": ("bibo:Book", ["On the mode of communication of cholera"], ["Snow, John, 1813-1858"]),
    }
    assert number_of_values(items.values(), "dcterms:subject") == 10
    (left_out,) = [row for row in accession.report(batch) if row["outcome"] == "skipped"]
    assert (left_out["row"], left_out["message"]) == (7, "deleted in the catalogue")
    unchanged_again(accession, omeka, "marc", unchanged=7, data0="records.xml")


def test_a_harvest_keeps_languages_dates_and_words_that_are_no_address(
    accession: Installation, omeka: StandIn
) -> None:
    batch = imported(accession, omeka, "oai-dc", read=6, created=5, skipped=1, data0="records.xml")
    items = {number.rpartition(":")[2]: item for number, item in by_identifier(omeka).items()}
    public_domain = "<https://creativecommons.org/publicdomain/mark/1.0/>"
    assert items["101"] == {
        "class": "dctype:StillImage",
        "public": True,
        "dcterms:identifier": ["PR.101", "oai:collections.example.org:101"],
        "dcterms:title": ["Under the Wave off Kanagawa@en", "神奈川沖浪裏@ja"],
        "dcterms:creator": ["Katsushika, Hokusai, 1760-1849"],
        "dcterms:subject": ["Waves", "Boats", "Fuji, Mount"],
        "dcterms:date": ["1830~/1832~"],
        "dcterms:format": ["Colour woodblock print"],
        "dcterms:source": ["<https://collections.example.org/object/101> collections.example.org"],
        "dcterms:language": ["ja"],
        "dcterms:rights": [public_domain],
    }
    assert {number: item["dcterms:rights"] for number, item in items.items()} == {
        "101": [public_domain],
        "102": [public_domain],
        "104": ["No known copyright restrictions"],
        "105": [public_domain],
        "106": [public_domain],
    }
    assert [items[number]["dcterms:date"] for number in ("102", "104", "105", "106")] == [
        ["1815"],
        ["1843/1853"],
        ["1665"],
        ["1882"],
    ]
    assert items["102"]["dcterms:spatial"] == ["England & Wales"]
    outcomes = [(row["row"], row["outcome"], row["code"] or None) for row in accession.report(batch)]
    assert outcomes == [
        (1, "created", None),
        (2, "created", None),
        (3, "skipped", "skipped"),
        (4, "created", "otherwise-used"),
        (5, "created", None),
        (6, "created", None),
    ]
    unchanged_again(accession, omeka, "oai-dc", unchanged=5, data0="records.xml")


# --- Haplo ----------------------------------------------------------------------------------------


def test_a_version_0_file_works_as_haplo_has_it_and_creates_again_when_run_again(
    accession: Installation, omeka: StandIn
) -> None:
    imported(accession, omeka, "haplo-v0", read=6, created=6, data0="papers.tsv")
    items = by_identifier(omeka)
    assert items["pt-94-1"] == {
        "class": None,
        "public": True,
        "dcterms:identifier": ["pt-94-1"],
        "dcterms:title": [
            "The Bakerian Lecture: Experiments and Calculations Relative to Physical Optics",
        ],
        "dcterms:type": ["Other"],
        "dcterms:creator": ["Young, Thomas"],
        "dcterms:date": ["1803-11-24"],
        "dcterms:isPartOf": ["Philosophical Transactions"],
        "bibo:volume": ["94"],
        "bibo:pages": ["1-16"],
        "dcterms:source": ["<https://doi.org/10.1098/rstl.1804.0001>"],
        "dcterms:subject": ["Light; Interference", "Bakerian Lecture"],
    }
    assert items["pt-140-61"]["dcterms:source"] == ["<https://doi.org/10.1098/rstl.1850.0004>"]
    assert items["pt-5-3075"]["dcterms:date"] == ["1672-02-19"]
    assert {number: (item["public"], item["dcterms:type"]) for number, item in items.items()} == {
        "pt-5-3075": (True, ["Letter"]),
        "pt-122-125": (True, ["Article"]),
        "pt-140-61": (True, ["Article"]),
        "pt-155-459": (True, ["Article"]),
        "pt-94-1": (True, ["Other"]),
        "pt-47-565": (False, ["Letter"]),
    }
    assert "dcterms:date" not in items["pt-47-565"]
    assert [one["o:site"] for one in omeka.dump()["items"]] == [[]] * 6

    control, data = files_of("haplo-v0", data0="papers.tsv")
    batch = accession.batch(control, data)
    assert accession.run(batch) == "complete"
    assert "neither read nor published: no date" in accession.log(batch)
    assert len(omeka.dump()["items"]) == 12


# --- links, and values alone ----------------------------------------------------------------------


def test_artworks_link_to_their_artists_and_name_those_that_are_not_there(
    accession: Installation, omeka: StandIn
) -> None:
    files = {"data0": "artists.jsonl", "data1": "artworks.jsonl"}
    imported(accession, omeka, "tate-artists", read=47, created=47, **files)
    items = {one["o:id"]: one for one in omeka.dump()["items"]}
    linked = [
        items[value["value_resource_id"]]["dcterms:identifier"][0]["@value"]
        for one in items.values()
        for term in ("dcterms:creator", "dcterms:contributor")
        for value in one.get(term, ())
        if "value_resource_id" in value
    ]
    texts = [
        value["@value"]
        for one in items.values()
        for value in one.get("dcterms:creator", ())
        if "value_resource_id" not in value
    ]
    # 34 links, of which two lead to artists that the other file does not hold.
    assert (len(linked), len(texts)) == (32, 2)
    unchanged_again(accession, omeka, "tate-artists", unchanged=47, **files)


def test_the_drafts_of_artworks_lead_to_the_drafts_of_their_artists() -> None:
    folder = EXAMPLES / "tate-artists"
    names = {"data0": folder / "artists.jsonl", "data1": folder / "artworks.jsonl"}
    mapped = drafts_of(folder / "control.json", names)
    assert [one.problems for file in mapped.values() for one in file] == [()] * 47
    artists = [draft for one in mapped["data0"] for draft in one.drafts]
    artworks = {draft.identity.values[0]: draft for one in mapped["data1"] for draft in one.drafts}
    assert (len(artists), len(artworks)) == (22, 25)

    known = {(artist.identity.scope, artist.identity.by, artist.identity.values) for artist in artists}
    links = [
        (acno, part.term, value)
        for acno, artwork in artworks.items()
        for part in artwork.properties
        for value in part.values
        if value.link is not None
    ]
    assert {(value.type, value.link.to) for _, _, value in links} == {("resource", "item:artist")}
    assert Counter(term for _, term, _ in links) == {"dcterms:creator": 31, "dcterms:contributor": 3}
    texts = [
        (acno, [other.text for other in value.link.otherwise])
        for acno, _, value in links
        if (value.link.scope, value.link.by, value.link.identity) not in known
    ]
    assert texts == [
        ("P01357", ["Art & Language (Terry Atkinson, born 1939; Michael Baldwin, born 1945)"]),
        (
            "T07838",
            [
                "City Racing (Matt Hale; Paul Noble, born 1963; John Burgess; Keith Coventry, born 1958; "
                "Peter Owen)"
            ],
        ),
    ]


def test_rights_alone_are_written_and_nothing_else_changes(accession: Installation, omeka: StandIn) -> None:
    numbers = ("A00001", "A00139", "D22115", "P01357", "T07838")
    omeka.seed([_tate_item(number) for number in numbers])
    control, data = files_of("rights-only", data0="rights.csv")
    before = omeka.dump()
    omeka.reset_requests()
    batch = accession.batch(control, data)
    assert accession.run(batch) == "complete-with-errors"
    assert [
        (row["identifier"], row["action"], row["outcome"], row["code"]) for row in accession.report(batch)
    ] == [
        *((number, "update", "updated", None) for number in numbers),
        ("X99999", "reject", "rejected", "not-found"),
    ]
    assert omeka.requests()["writes"] == len(numbers)
    after = omeka.dump()
    written = {"dcterms:rights", "dcterms:license", "o:modified"}
    assert {**after, "items": _without(after["items"], written)} == {
        **before,
        "items": _without(before["items"], written),
    }
    assert [one["dcterms:rights"][0]["@value"] for one in after["items"]] == [
        *["No known copyright restrictions"] * 3,
        *["In copyright"] * 2,
    ]


def _without(items: list[dict[str, Any]], keys: set[str]) -> list[dict[str, Any]]:
    return [{key: value for key, value in one.items() if key not in keys} for one in items]


def _tate_item(number: str) -> dict[str, Any]:
    return {
        "o:is_public": True,
        "dcterms:identifier": [
            {"type": "literal", "property_id": 10, "is_public": True, "@value": number},
        ],
    }


def test_the_drafts_of_rights_name_two_properties_and_nothing_else() -> None:
    folder = EXAMPLES / "rights-only"
    mapped = drafts_of(folder / "control.json", {"data0": folder / "rights.csv"})["data0"]
    drafts = [draft for one in mapped for draft in one.drafts]
    assert [(draft.action, draft.identity.values, draft.fields) for draft in drafts] == [
        ("load", (number,), type(drafts[0].fields)())
        for number in ("A00001", "A00139", "D22115", "P01357", "T07838", "X99999")
    ]
    assert [
        (part.term, part.on_update, part.of, [(v.type, v.text or v.uri, v.label) for v in part.values])
        for part in drafts[3].properties
    ] == [
        ("dcterms:rights", "replace", "all", [("literal", "In copyright", None)]),
        (
            "dcterms:license",
            "replace",
            "all",
            [("uri", "https://rightsstatements.org/vocab/InC/1.0/", "In copyright")],
        ),
    ]


# --- all of them ----------------------------------------------------------------------------------

FOLDERS = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir() and not path.name.startswith("_"))


def test_the_list_of_examples_is_complete() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [name for name in FOLDERS if f"| [{name}]({name}/README.md) |" not in text] == []


@pytest.mark.parametrize("name", FOLDERS)
def test_an_example_names_each_of_its_files_and_the_licence_of_its_data(name: str) -> None:
    folder = EXAMPLES / name
    page = (folder / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in folder.iterdir() if path.is_file()} - {"README.md"}
    assert [file for file in sorted(files) if file not in page] == []
    licence = folder / "LICENCE.md"
    assert "CC0 1.0" in (licence.read_text(encoding="utf-8") if licence.exists() else page)
