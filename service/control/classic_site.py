"""The preset `omeka-classic-site`: its tables, and the instructions that it stands for.

It is no second way to import: what stands here is the control language, compiled as if somebody had written
it. The reader gives each record the keys that these instructions read (`worker.readers.classic_site`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.control.model import RecordProcessor

DUBLIN_CORE = "Dublin Core"
ITEM_TYPE = "Item Type Metadata"
TAGS = "tags"
"""In `elementMap`: the property that tags become values of."""
NAME = "omeka-classic-site"
PLACE = "dcterms:spatial"
"""The term of places."""
POINT, WORDS, ZOOM = "place-point", "place-words", "place-zoom"
"""Keys of the place of an item on a map: `49.44, 1.09`, its address, its zoom."""
DATES = {"added": "dcterms:created", "modified": "dcterms:modified"}
"""Date there → term here."""

_CORE = {
    "Contributor": "contributor",
    "Coverage": "coverage",
    "Creator": "creator",
    "Date": "date",
    "Description": "description",
    "Format": "format",
    "Identifier": "identifier",
    "Language": "language",
    "Publisher": "publisher",
    "Relation": "relation",
    "Rights": "rights",
    "Source": "source",
    "Subject": "subject",
    "Title": "title",
    "Type": "type",
    # the plugin Dublin Core Extended
    "Abstract": "abstract",
    "Access Rights": "accessRights",
    "Accrual Method": "accrualMethod",
    "Accrual Periodicity": "accrualPeriodicity",
    "Accrual Policy": "accrualPolicy",
    "Alternative Title": "alternative",
    "Audience": "audience",
    "Audience Education Level": "educationLevel",
    "Bibliographic Citation": "bibliographicCitation",
    "Conforms To": "conformsTo",
    "Date Accepted": "dateAccepted",
    "Date Available": "available",
    "Date Copyrighted": "dateCopyrighted",
    "Date Created": "created",
    "Date Issued": "issued",
    "Date Modified": "modified",
    "Date Submitted": "dateSubmitted",
    "Date Valid": "valid",
    "Extent": "extent",
    "Has Format": "hasFormat",
    "Has Part": "hasPart",
    "Has Version": "hasVersion",
    "Instructional Method": "instructionalMethod",
    "Is Format Of": "isFormatOf",
    "Is Part Of": "isPartOf",
    "Is Referenced By": "isReferencedBy",
    "Is Replaced By": "isReplacedBy",
    "Is Required By": "isRequiredBy",
    "Is Version Of": "isVersionOf",
    "License": "license",
    "Mediator": "mediator",
    "Medium": "medium",
    "Provenance": "provenance",
    "References": "references",
    "Replaces": "replaces",
    "Requires": "requires",
    "Rights Holder": "rightsHolder",
    "Spatial Coverage": "spatial",
    "Table Of Contents": "tableOfContents",
    "Temporal Coverage": "temporal",
}
_OF_TYPES = {
    "BCC": "bibo:recipient",
    "Bibliography": "dcterms:bibliographicCitation",
    "Biographical Text": "dcterms:description",
    "Birth Date": "foaf:birthday",
    "Birthplace": "dcterms:spatial",
    "Bit Rate/Frequency": "dcterms:format",
    "CC": "bibo:recipient",
    "Compression": "dcterms:format",
    "Death Date": "dcterms:date",
    "Director": "bibo:director",
    "Duration": "dcterms:extent",
    "Email Body": "bibo:content",
    "Event Type": "dcterms:type",
    "From": "dcterms:creator",
    "Interviewee": "bibo:interviewee",
    "Interviewer": "bibo:interviewer",
    "Lesson Plan Text": "bibo:content",
    "Local URL": "bibo:uri",
    "Location": "dcterms:spatial",
    "Materials": "dcterms:requires",
    "Number of Attachments": "dcterms:extent",
    "Objectives": "dcterms:abstract",
    "Occupation": "dcterms:description",
    "Original Format": "dcterms:format",
    "Participants": "dcterms:contributor",
    "Physical Dimensions": "dcterms:extent",
    "Producer": "bibo:producer",
    "Standards": "dcterms:conformsTo",
    "Subject Line": "dcterms:alternative",
    "Text": "bibo:content",
    "Time Summary": "dcterms:abstract",
    "To": "bibo:recipient",
    "Transcription": "bibo:content",
    "URL": "bibo:uri",
}
TERMS: Mapping[str, str] = {
    **{f"{DUBLIN_CORE}:{name}": f"dcterms:{term}" for name, term in _CORE.items()},
    **{f"{ITEM_TYPE}:{name}": term for name, term in _OF_TYPES.items()},
    TAGS: "dcterms:subject",
}
"""Element (with its set) there → term here."""
CLASSES: Mapping[str, str] = {
    "Dataset": "dctype:Dataset",
    "Email": "bibo:Email",
    "Event": "dctype:Event",
    "Hyperlink": "bibo:Webpage",
    "Interactive Resource": "dctype:InteractiveResource",
    "Lesson Plan": "dctype:Text",
    "Moving Image": "dctype:MovingImage",
    "Oral History": "bibo:Interview",
    "Person": "foaf:Person",
    "Physical Object": "dctype:PhysicalObject",
    "Service": "dctype:Service",
    "Software": "dctype:Software",
    "Sound": "dctype:Sound",
    "Still Image": "dctype:StillImage",
    "Text": "dctype:Text",
    "Website": "bibo:Website",
}
"""Item type there → class here."""


def terms(preset: RecordProcessor) -> dict[str, str]:
    """Element there → term here; "" where the control file leaves it out knowingly."""
    return {**TERMS, **preset.element_map}


def written(preset: RecordProcessor) -> list[str]:
    """The terms that it writes."""
    more = {PLACE} if preset.geolocation else set()
    if preset.dates:
        more |= set(DATES.values())
    return sorted({term for term in terms(preset).values() if term} | more)


def resources(preset: RecordProcessor) -> tuple[str, ...]:
    """What is read for it."""
    wanted = ["users"] if preset.create_users else []
    wanted += ["item_types", "collections", "items"]
    wanted += ["exhibits"] if preset.exhibits else []
    return (*wanted, "simple_pages") if preset.simple_pages else tuple(wanted)


def matches(preset: RecordProcessor, source: str) -> dict[str, Any]:
    """The `match` of each destination, by its label."""
    identity = {"source": "identity", "by": "dcterms:identifier", "scope": source}
    # A set is known by its title, since that is how items name it.
    of_set = {"source": "title", "by": "dcterms:title", "scope": source}
    found: dict[str, Any] = {"item": identity, "item-set": of_set, "media": {"by": "file"}}
    if preset.element_sets == "keep":
        found["resource-template"] = {"by": "label", "found": "skip"}
    return found


def instructions(preset: RecordProcessor) -> list[dict[str, Any]]:
    """What it does with a record, in the control language."""
    branches = {
        "collections": _collection(preset),
        "items": _item(preset),
        "item_types": _item_type(),
    }
    if preset.create_users:
        branches["users"] = _user(preset.create_users)
    if preset.exhibits:
        branches["exhibits"] = _exhibit()
    if preset.simple_pages:
        branches["simple_pages"] = _page()
    return [
        {"action": "if-value-one-of", "source": "resource", "values": [resource], "then": then}
        for resource, then in branches.items()
    ]


def _values(preset: RecordProcessor, destination: str) -> list[dict[str, Any]]:
    """Each term: what the record has takes the place of what this service wrote, nothing included."""
    return [
        {
            "source": term,
            "destination": destination,
            "name": term,
            "multivalue": True,
            "unique": True,
            "blank": "clear",
            "of": "ours",
        }
        for term in written(preset)
    ]


def _field(destination: str, name: str, source: str = "", **more: Any) -> dict[str, Any]:
    return {"source": source or name, "destination": destination, "name": name, **more}


def _new(destination: str, *names: str) -> list[dict[str, Any]]:
    """A resource whose fields have the names that the record has for them."""
    return [{"action": "new", "destination": destination}, *(_field(destination, name) for name in names)]


def _collection(preset: RecordProcessor) -> list[dict[str, Any]]:
    return [*_new("item-set", "public", "owner"), *_values(preset, "item-set")]


def _item(preset: RecordProcessor) -> list[dict[str, Any]]:
    media = [
        *_new("media"),
        _field("media", "url", "file"),
        _field("media", "public"),
        *_values(preset, "media"),
    ]
    return [
        *_new("item", "public", "owner", "class", "template"),
        _field("item", "item-set", of="ours"),
        *_values(preset, "item"),
        *place(preset, {"label": WORDS}),
        {"action": "for-each", "source": "media", "instructions": media},
    ]


def place(preset: RecordProcessor, more: Mapping[str, str]) -> list[dict[str, Any]]:
    """Where an item is on the map; nowhere, where it is nowhere there. `more`: name → key of what else is
    said of it."""
    if not preset.geolocation:
        return []
    to = "geolocation"
    return [
        {"action": "new", "destination": to},
        _field(to, "point", POINT, blank="clear"),
        *(_field(to, name, key, blank="clear") for name, key in more.items()),
    ]


def _item_type() -> list[dict[str, Any]]:
    to = "resource-template"
    return [*_new(to, "label", "class"), _field(to, "properties", multivalue=True)]


def _user(role: str) -> list[dict[str, Any]]:
    set_role = {"action": "set-value", "destination": "user", "name": "role", "value": role}
    return [*_new("user", "email", "name"), set_role]


def _exhibit() -> list[dict[str, Any]]:
    return [
        *_new("site", "slug", "title", "description", "public"),
        {"action": "for-each", "source": "site_pages", "instructions": [*_page(), _shown()]},
    ]


def _page() -> list[dict[str, Any]]:
    return _new("site-page", "site", "slug", "title", "public", "html")


def _shown() -> dict[str, Any]:
    """Items that a page shows. One that did not come does not cost the page."""
    linked = {"multivalue": True, "blank": "clear", "link": {"to": "item"}, "onError": "drop"}
    return _field("site-page", "item", "shown", **linked)
