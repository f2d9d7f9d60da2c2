"""MARC: its tags say what they are, so a table maps those that the sample has."""

from __future__ import annotations

from worker.generating.choosing import Catalogue
from worker.generating.profile import Node
from worker.records import Json

_PUNCTUATION: dict[str, Json] = {"replace": {"pattern": r"\s*[/:;,=]\s*$", "with": ""}}
_TITLE = "join(' ', compact([a[0], b[0], n[0], p[0]]))"

TABLE: tuple[tuple[str, str, str, str], ...] = (
    ("245", f"[0].{_TITLE}", "dcterms:title", "Title statement."),
    ("246", "[].a[]", "dcterms:alternative", "Varying forms of the title."),
    ("100", "[].a[]", "dcterms:creator", "Main entry, a person."),
    ("110", "[].a[]", "dcterms:creator", "Main entry, a body."),
    ("111", "[].a[]", "dcterms:creator", "Main entry, a meeting."),
    ("700", "[].a[]", "dcterms:contributor", "Added entries, persons."),
    ("710", "[].a[]", "dcterms:contributor", "Added entries, bodies."),
    ("711", "[].a[]", "dcterms:contributor", "Added entries, meetings."),
    ("260", "[].b[]", "dcterms:publisher", "Publisher."),
    ("264", "[].b[]", "dcterms:publisher", "Publisher."),
    ("260", "[].c[]", "dcterms:issued", "Date of publication, as it is printed."),
    ("264", "[].c[]", "dcterms:issued", "Date of publication, as it is printed."),
    ("300", "[].join(' ', compact([a[0], b[0], c[0]]))", "dcterms:extent", "Physical description."),
    ("041", "[].a[]", "dcterms:language", "Language codes."),
    ("020", "[].a[]", "dcterms:identifier", "ISBN."),
    ("022", "[].a[]", "dcterms:identifier", "ISSN."),
    ("490", "[].a[]", "dcterms:isPartOf", "Series."),
    ("773", "[].t[]", "dcterms:isPartOf", "Host item."),
    ("500", "[].a[]", "dcterms:description", "General notes."),
    ("505", "[].a[]", "dcterms:tableOfContents", "Contents."),
    ("520", "[].a[]", "dcterms:abstract", "Summary."),
    ("506", "[].a[]", "dcterms:accessRights", "Restrictions on access."),
    ("540", "[].a[]", "dcterms:rights", "Terms of use."),
    ("561", "[].a[]", "dcterms:provenance", "Ownership history."),
    ("600", "[].a[]", "dcterms:subject", "Subjects, persons."),
    ("610", "[].a[]", "dcterms:subject", "Subjects, bodies."),
    ("630", "[].a[]", "dcterms:subject", "Subjects, titles."),
    ("650", "[].a[]", "dcterms:subject", "Subjects, topics."),
    ("653", "[].a[]", "dcterms:subject", "Uncontrolled terms."),
    ("651", "[].a[]", "dcterms:spatial", "Subjects, places."),
    ("655", "[].a[]", "dcterms:type", "Genre or form."),
)
"""Tag, what is read of it, term, and what MARC calls it."""


def marc_instructions(root: Node, catalogue: Catalogue) -> tuple[list[Json], list[str]]:
    """The instructions, and the tags of the sample that none of them reads."""
    made: list[Json] = []
    used: set[str] = {"001", "leader"}
    for tag, read, meant, said in TABLE:
        term = catalogue.available(meant)
        if not term or not _there(root, tag, read):
            continue
        used.add(tag)
        one: dict[str, Json] = {"comment": f"{tag}: {said}", "expression": f'"{tag}"{read}', "name": term}
        one |= {"multivalue": True, "unique": True, "filters": [_PUNCTUATION]}
        made.append(one)
    return made, sorted(tag for tag in root.children if tag not in used)


def _there(root: Node, tag: str, read: str) -> bool:
    node = root.children.get(tag)
    if node is None:
        return False
    subfield = read[3] if read.endswith("[]") else "a"
    return subfield in node.children
