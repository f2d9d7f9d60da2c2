"""Records of an Omeka Classic: what its API gives, with names for numbers, and parts in full. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from service.control.shapes_files import OF_OMEKA_CLASSIC
from worker.mapping.text import strip_html
from worker.records import Json
from worker.sources.addresses import SourceFile, below
from worker.sources.joining import Parts
from worker.sources.pages import Entry, number_of
from worker.sources.site import Record

KINDS = frozenset({*OF_OMEKA_CLASSIC, "geolocations", "exhibit_pages"})
"""What is read: what can be records, and what is told of those."""
_LAST = 2**31
_OWNERS = {"files": "item", "geolocations": "item", "exhibit_pages": "exhibit"}
DUBLIN_CORE = "Dublin Core"


def place_of(kind: str, entry: Entry) -> tuple[int, int]:
    """The number of what the entry is a part of, and its place there. Classic puts those without one last."""
    owner = number_of(entry.get(_OWNERS.get(kind, "")), "id") or 0
    order = entry.get("order")
    return owner, order if isinstance(order, int) else _LAST


class Shaping:
    """Adds names. `note` is given every entry before the first is shaped."""

    def __init__(self, source: str, site: str) -> None:
        self._source = source
        self._site = site
        self._base = site
        self._names: dict[tuple[str, int], str] = {}
        self._elements: dict[int, tuple[int, str]] = {}
        self._members: dict[int, list[tuple[tuple[int, int], Json]]] = {}

    def note(self, kind: str, entry: Entry) -> None:
        number = number_of(dict(entry))
        url, name = entry.get("url"), entry.get("name")
        if isinstance(url, str) and "/api/" in url:
            self._base = url.rpartition("/api/")[0]
        if number is None:
            return
        if kind in ("element_sets", "item_types") and isinstance(name, str):
            self._names[kind, number] = name
        elif kind == "elements" and isinstance(name, str):
            of = number_of(entry.get("element_set")) or 0
            self._elements[number] = of, name
            place = place_of("elements", entry)[1], number
            member: Json = {key: entry.get(key) for key in ("name", "description", "comment", "order")}
            self._members.setdefault(of, []).append((place, member))
        elif kind == "users" and isinstance(email := entry.get("email"), str):
            self._names[kind, number] = email
        elif kind == "collections":
            self._names[kind, number] = title_of(entry) or f"Collection {number}"

    def shaped(self, resource: str, entry: Entry, parts: Parts) -> Record:
        record: Record = {"resource": resource, **entry}
        number = number_of(dict(entry)) or 0
        if "element_texts" in entry:
            record["elements"] = texts(entry)
        if "owner" in entry:
            record["owner_email"] = self._named("users", entry.get("owner"))
        match resource:
            case "items":
                record["item_type_name"] = self._named("item_types", entry.get("item_type"))
                record["collection_title"] = self._named("collections", entry.get("collection"))
                record["tag_names"] = _tags(entry)
                record["files"] = [self._file(one) for one in parts.of("files", number)]
                places = [dict(one) for one in parts.of("geolocations", number)]
                record["geolocation"] = places[0] if places else None
            case "files":
                record = self._file(entry)
            case "collections":
                record["title"] = self._names.get(("collections", number))
            case "exhibits":
                record["tag_names"] = _tags(entry)
                record["pages"] = [dict(one) for one in parts.of("exhibit_pages", number)]
            case "element_sets":
                members = sorted(self._members.get(number, ()), key=lambda one: one[0])
                record["element_list"] = [one for _, one in members]
            case "elements":
                record["element_set_name"] = self._named("element_sets", entry.get("element_set"))
            case "item_types":
                record["element_names"] = self._of_type(entry)
            case _:
                pass
        return record

    def _named(self, kind: str, reference: Json) -> str | None:
        number = number_of(reference)
        return None if number is None else self._names.get((kind, number))

    def _of_type(self, entry: Entry) -> list[Json]:
        """`Item Type Metadata:Text` for each element of a type, in its order."""
        found: list[Json] = []
        listed = entry.get("elements")
        for reference in listed if isinstance(listed, list) else []:
            number = number_of(reference)
            if number in self._elements:
                of, name = self._elements[number]
                found.append(f"{self._names.get(('element_sets', of), '')}:{name}")
        return found

    def _file(self, entry: Entry) -> Record:
        record: Record = {"resource": "files", **entry, "elements": texts(entry)}
        urls, name = entry.get("file_urls"), entry.get("original_filename")
        url = urls.get("original") if isinstance(urls, dict) else None
        if not isinstance(url, str):
            return {**record, "file": None}
        path = below(self._site, self._base, url)
        if path is None:
            return {**record, "file": url}
        digest = entry.get("authentication")
        record["file"] = SourceFile(
            self._source,
            path,
            name.rpartition("/")[2] if isinstance(name, str) and name else path.rpartition("/")[2],
            "md5",
            digest if isinstance(digest, str) else "",
        ).address()
        return record


def texts(entry: Entry) -> Json:
    """`{set: {element: [{"text", "html"}]}}`, in their order."""
    found: dict[str, dict[str, list[Json]]] = {}
    every = entry.get("element_texts")
    for one in every if isinstance(every, list) else []:
        if not isinstance(one, dict):
            continue
        of, element = _name(one.get("element_set")), _name(one.get("element"))
        text: Json = {"text": one.get("text"), "html": bool(one.get("html"))}
        found.setdefault(of, {}).setdefault(element, []).append(text)
    return cast("Json", found)


def _name(reference: Json) -> str:
    name = reference.get("name") if isinstance(reference, dict) else None
    return name if isinstance(name, str) else ""


def title_of(entry: Entry) -> str:
    """The first title, as text; "" for none."""
    every = entry.get("element_texts")
    for one in every if isinstance(every, list) else []:
        if isinstance(one, dict) and (_name(one.get("element_set")), _name(one.get("element"))) == (
            DUBLIN_CORE,
            "Title",
        ):
            text = one.get("text")
            if isinstance(text, str) and text.strip():
                return strip_html(text).strip() if one.get("html") else text.strip()
    return ""


def _tags(entry: Entry) -> list[Json]:
    """Each tag whole: a comma is a character of it."""
    tags = entry.get("tags")
    return [name for one in (tags if isinstance(tags, list) else []) if (name := _name(one))]


def missing_files(resource: str, entry: Entry, record: Record, failed: Collection[str]) -> str:
    """Why a record is not whole; "" where it is."""
    number = number_of(dict(entry)) or 0
    if resource == "items":
        said, files = number_of(entry.get("files"), "count") or 0, record["files"]
        there = len(files) if isinstance(files, list) else 0
        if there < said:
            return _left_out("Item", number, f"{said - there} of its {said} files")
        if "collections" in failed and entry.get("collection") and record["collection_title"] is None:
            return _left_out("Item", number, "its collection")
        if "geolocations" in failed and record["geolocation"] is None:
            extended = entry.get("extended_resources")
            if isinstance(extended, dict) and extended.get("geolocations"):
                return _left_out("Item", number, "its place")
    if resource == "exhibits":
        said, pages = number_of(entry.get("pages"), "count") or 0, record["pages"]
        there = len(pages) if isinstance(pages, list) else 0
        if there < said:
            return _left_out("Exhibit", number, f"{said - there} of its {said} pages")
    return ""


def _left_out(what: str, number: int, lacking: str) -> str:
    return (
        f"{what} {number}: {lacking} could not be read, so it is left out. Make a new batch with this "
        "control file to read it again."
    )
