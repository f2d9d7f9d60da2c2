"""Records of an Omeka Classic made ready for the preset `omeka-classic-site`, as its instructions read them.

Pure. What has no place in the target is counted, and said at the end (`notes`): nothing is left out unsaid.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from html import escape

from service.control import classic_site
from service.control.model import RecordProcessor
from worker.mapping.text import strip_html
from worker.readers.base import count
from worker.records import Json

Record = Mapping[str, Json]
_MOST = 40
"""Elements without a term that are named each; of very many the commonest."""
FEATURED = "featured there, for which an Omeka S has no flag"
TAGGED = "an exhibit with tags, which a site of an Omeka S has not"
CREDITED = "an exhibit with credits, which a site of an Omeka S has not"
ATTACHED = "an item on a page of an exhibit: it is shown behind the texts, by its primary media"


class ClassicSite:
    """One reading of one site."""

    def __init__(self, preset: RecordProcessor, source: str) -> None:
        self._preset = preset
        self._source = source
        self._terms = classic_site.terms(preset)
        self._written = classic_site.written(preset)
        self._classes = {**classic_site.CLASSES, **preset.type_map}
        self._unmapped: Counter[str] = Counter()
        self._left: Counter[str] = Counter()

    def ready(self, record: Record) -> dict[str, Json]:
        """The record with the keys of the preset, beside its own."""
        match record.get("resource"):
            case "items":
                return self._item(record)
            case "collections":
                return {**record, **self._resource(record, "collections"), **self._values(record)}
            case "item_types":
                return self._item_type(record)
            case "users":
                return {**record, "email": self._mapped(_text(record, "email"))}
            case "exhibits":
                return self._exhibit(record)
            case "simple_pages":
                return {**record, **self._simple_page(record)}
            case _:
                return dict(record)

    def notes(self) -> tuple[str, ...]:
        """What was left out, and how often."""
        said = []
        if self._unmapped:
            named = ", ".join(f"{name} ({n})" for name, n in self._unmapped.most_common(_MOST))
            rest = len(self._unmapped) - _MOST
            more = f" and {rest} more" if rest > 0 else ""
            said.append(
                f"Texts of elements without a term were left out: {named}{more}. Name a term for each in "
                '"elementMap" of the recordProcessor, or "" where that is meant.'
            )
        said += [f"{count(n, 'time')} {what}." for what, n in sorted(self._left.items())]
        if not self._preset.simple_pages:
            said.append('Simple pages are not taken over: "simplePages" says which site here gets them.')
        return tuple(said)

    # --- resources --------------------------------------------------------------------------------

    def _resource(self, record: Record, kind: str) -> dict[str, Json]:
        if record.get("featured") is True:
            self._left[FEATURED] += 1
        return {
            "identity": self._identity(kind, record.get("id")),
            "public": record.get("public") is True,
            "owner": self._mapped(_text(record, "owner_email")),
        }

    def _identity(self, kind: str, number: Json) -> str:
        return f"{self._source}/{kind}/{number}"

    def _mapped(self, email: str) -> Json:
        """The address of a user here; the control file may say another one."""
        return self._preset.users.get(email, email) or None

    def _item(self, record: Record) -> dict[str, Json]:
        kind = _text(record, "item_type_name")
        values = self._values(record)
        self._add(values, self._terms[classic_site.TAGS], _list(record.get("tag_names")))
        files = [one for one in _list(record.get("files")) if isinstance(one, dict)]
        return {
            **record,
            **self._resource(record, "items"),
            "class": self._classes.get(kind) or None,
            "template": kind or None,
            "item-set": record.get("collection_title"),
            **values,
            **place_of(record),
            "media": [self._media(one, record) for one in files],
        }

    def _media(self, file: Record, item: Record) -> Json:
        return {**file, "public": item.get("public") is True, **self._values(file)}

    @staticmethod
    def _add(values: dict[str, Json], term: str, more: list[Json]) -> None:
        if term:
            values[term] = [*_list(values.get(term)), *more]

    def _values(self, record: Record) -> dict[str, Json]:
        """The values of every term that is written; none is an empty list."""
        values: dict[str, Json] = {term: [] for term in self._written}
        elements = record.get("elements")
        for of, named in elements.items() if isinstance(elements, dict) else ():
            for name, texts in named.items() if isinstance(named, dict) else ():
                self._element(f"{of}:{name}", _list(texts), values)
        if self._preset.dates:
            for key, term in classic_site.DATES.items():
                if said := _text(record, key):
                    self._add(values, term, [said])
        return values

    def _element(self, name: str, texts: list[Json], values: dict[str, Json]) -> None:
        term = self._terms.get(name)
        if term is None:
            self._unmapped[name] += len(texts)
            return
        for text in texts:
            if isinstance(text, dict) and isinstance(content := text.get("text"), str):
                strips = self._preset.html == "strip" and text.get("html") is True
                self._add(values, term, [strip_html(content).strip() if strips else content])

    # --- what stands around them ------------------------------------------------------------------

    def _item_type(self, record: Record) -> dict[str, Json]:
        """A template, where items are of the type. Two elements of one term are one property of it."""
        name, items = _text(record, "name"), record.get("items")
        if not (isinstance(items, dict) and items.get("count")):
            return {**record, "resource": "item_types without items"}
        properties: dict[str, Json] = {
            term: {"property": term} for term in ("dcterms:title", "dcterms:description")
        }
        for element in _list(record.get("element_names")):
            term = self._terms.get(str(element))
            if term:
                properties.setdefault(term, {"property": term, "label": str(element).partition(":")[2]})
        return {
            **record,
            "label": name,
            "class": self._classes.get(name) or None,
            "properties": list(properties.values()),
        }

    def _exhibit(self, record: Record) -> dict[str, Json]:
        slug = _text(record, "slug")
        pages = [one for one in _list(record.get("pages")) if isinstance(one, dict)]
        for key, what in (("tag_names", TAGGED), ("credits", CREDITED)):
            if record.get(key):
                self._left[what] += 1
        return {
            **record,
            "description": strip_html(_text(record, "description")).strip(),
            "public": record.get("public") is True,
            "site_pages": [self._page(one, slug) for one in pages],
        }

    def _page(self, page: Record, site: str) -> Json:
        html: list[str] = []
        shown: list[Json] = []
        for block in _list(page.get("page_blocks")):
            if not isinstance(block, dict):
                continue
            html.append(_text(block, "text"))
            attached = [one for one in _list(block.get("attachments")) if isinstance(one, dict)]
            if attached:
                self._left[ATTACHED] += len(attached)
            html += [_text(one, "caption") for one in attached]
            items = [item for one in attached if isinstance(item := one.get("item"), dict)]
            shown += [self._identity("items", one.get("id")) for one in items]
        title = _text(page, "title")
        content = "\n".join(one for one in html if one) or f"<p>{escape(title)}</p>"
        return {
            "site": site,
            "slug": page.get("slug"),
            "title": title,
            "public": True,
            "html": content,
            "shown": list(dict.fromkeys(shown)),
        }

    def _simple_page(self, record: Record) -> dict[str, Json]:
        return {
            "site": self._preset.simple_pages,
            "public": record.get("is_published") is True,
            "html": _text(record, "text") or f"<p>{escape(_text(record, 'title'))}</p>",
        }


def _text(record: Record, key: str) -> str:
    found = record.get(key)
    return found if isinstance(found, str) else ""


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def place_of(record: Record) -> dict[str, Json]:
    """Where an item is on the map there, in the keys of the preset; null where it is nowhere."""
    found = record.get("geolocation")
    place = found if isinstance(found, dict) else {}
    latitude, longitude = place.get("latitude"), place.get("longitude")
    if not isinstance(latitude, (int, float)) or not isinstance(longitude, (int, float)):
        return dict.fromkeys((classic_site.POINT, classic_site.WORDS, classic_site.ZOOM))
    return {
        classic_site.POINT: f"{latitude}, {longitude}",
        classic_site.WORDS: _text(place, "address").strip(),
        classic_site.ZOOM: place.get("zoom_level"),
    }
