"""JSON-LD of everything, as a caller sees it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

from . import datatypes, mapping
from .access import Caller, media_seen
from .database import AnyResource, Database
from .model import (
    Asset,
    CustomVocab,
    Feature,
    Item,
    ItemSet,
    Json,
    Media,
    Resource,
    Site,
    SitePage,
    Template,
    Term,
    User,
    Value,
)
from .model import Vocabulary as VocabularyRow

SIZES = ("large", "medium", "square")


def stamp(seconds: int, zone: tzinfo = UTC) -> str:
    """ISO 8601 in the zone that PHP runs in, as Omeka keeps its times."""
    return datetime.fromtimestamp(seconds, zone).isoformat()


class Renderer:
    """Renders rows for one caller; ``base`` is the site's address without a trailing slash."""

    def __init__(
        self, database: Database, caller: Caller, base: str, zone: tzinfo = UTC, *, maps: bool = False
    ) -> None:
        """`maps`: whether the module Mapping is there."""
        self._db = database
        self._maps = maps
        self._zone = zone
        self._caller = caller
        self._base = base
        self._api = f"{base}/api/"

    def row(self, row: Json, *, gone: bool = False) -> Json:
        """JSON-LD of any row. A deleted one has no id any more, but still all the rest."""
        shown: dict[str, Json] = {"@context": f"{self._base}/api-context"}
        kinds: dict[type, Callable[[Json, dict[str, Json], bool], None]] = {
            User: self._user,
            Asset: self._asset,
            Term: self._term,
            VocabularyRow: self._vocabulary,
            Template: self._template,
            Site: self._site,
            SitePage: self._site_page,
            CustomVocab: self._custom_vocab,
        }
        for kind, render in kinds.items():
            if isinstance(row, kind):
                render(row, shown, gone)
                return shown
        self._resource(row, shown, gone)
        return shown

    def _ref(self, table: str, number: int | None) -> Json:
        return None if number is None else {"@id": f"{self._api}{table}/{number}", "o:id": number}

    def _head(self, shown: dict[str, Json], table: str, number: int, kind: Json, gone: bool) -> None:
        shown["@id"] = f"{self._api}{table}" if gone else f"{self._api}{table}/{number}"
        shown["@type"] = kind
        shown["o:id"] = None if gone else number

    def _time(self, seconds: int) -> Json:
        return {"@value": stamp(seconds, self._zone), "@type": f"{datatypes.XSD}dateTime"}

    # Resources

    def _resource(self, row: AnyResource, shown: dict[str, Json], gone: bool) -> None:
        kind: Json = row.json_type
        if isinstance(row, Media) and row.ingester == "html":
            kind = "o-cnt:ContentAsText"
        if row.resource_class is not None:
            kind = [kind, self._db.resource_classes[row.resource_class].term]
        self._head(shown, row.kind, row.id, kind, gone)
        shown["o:is_public"] = row.public
        shown["o:owner"] = self._ref("users", row.owner)
        shown["o:resource_class"] = self._ref("resource_classes", row.resource_class)
        shown["o:resource_template"] = self._ref("resource_templates", row.template)
        shown["o:thumbnail"] = self._ref("assets", row.thumbnail)
        shown["o:title"] = row.title
        media = media_seen(self._caller, self._db.media_in(row)) if isinstance(row, Item) else []
        primary = self._primary(row, media) if isinstance(row, Item) else None
        shown["thumbnail_display_urls"] = self._thumbnails(row, primary)
        shown["o:created"] = self._time(row.created)
        shown["o:modified"] = self._time(row.modified)
        if isinstance(row, Item):
            shown["o:primary_media"] = self._ref("media", primary.id if primary else None)
            shown["o:media"] = [self._ref("media", m.id) for m in media]
            seen = (self._db.item_sets[n] for n in row.item_sets)
            shown["o:item_set"] = [self._ref("item_sets", s.id) for s in seen if self._caller.sees(s)]
            shown["o:site"] = [self._ref("sites", n) for n in row.sites]
        elif isinstance(row, ItemSet):
            shown["o:is_open"] = row.is_open
            shown["o:items"] = {"@id": f"{self._api}items?item_set_id={row.id}"}
        else:
            self._media(row, shown)
        self._values(row, shown)
        shown.update(row.module)
        if isinstance(row, Item) and row.features and self._maps:
            shown[mapping.KEY] = [self._feature(row, one) for one in row.features]
        if not gone:
            self._reverse(row, shown)

    def _feature(self, row: Item, one: Feature) -> Json:
        shown: dict[str, Json] = {}
        self._head(shown, mapping.RESOURCE, one.id, "o-module-mapping:Feature", gone=False)
        return shown | {
            "o:item": self._ref("items", row.id),
            "o:media": self._ref("media", one.media),
            "o:label": one.label,
            mapping.TYPE: one.type,
            mapping.COORDINATES: one.coordinates,
        }

    def _primary(self, row: Item, media: list[Media]) -> Media | None:
        chosen = next((m for m in media if m.id == row.primary_media), None)
        return chosen or (media[0] if media else None)

    def _thumbnails(self, row: AnyResource, primary: Media | None) -> Json:
        if row.thumbnail is not None and row.thumbnail in self._db.assets:
            url = f"{self._base}/files/asset/{self._db.assets[row.thumbnail].filename}"
            return dict.fromkeys(SIZES, url)
        media = row if isinstance(row, Media) else primary
        if media is None:
            return dict.fromkeys(SIZES)
        if media.has_thumbnails:
            return self._own_thumbnails(media)
        group = (media.media_type or "").partition("/")[0]
        name = group if group in ("audio", "video", "image") else "default"
        return dict.fromkeys(SIZES, f"{self._base}/application/asset/thumbnails/{name}.png")

    def _own_thumbnails(self, media: Media) -> Json:
        return {size: f"{self._base}/files/{size}/{media.storage}.jpg" for size in SIZES}

    def _media(self, row: Media, shown: dict[str, Json]) -> None:
        shown["o:ingester"] = row.ingester
        shown["o:renderer"] = row.renderer
        shown["o:item"] = self._ref("items", row.item)
        shown["o:source"] = row.source
        shown["o:media_type"] = row.media_type
        shown["o:sha256"] = row.sha256
        shown["o:size"] = row.size
        shown["o:filename"] = row.filename
        shown["o:lang"] = row.lang
        shown["o:alt_text"] = row.alt_text
        shown["o:original_url"] = f"{self._base}/files/original/{row.filename}" if row.has_original else None
        shown["o:thumbnail_urls"] = self._own_thumbnails(row) if row.has_thumbnails else []
        shown["data"] = row.data or []
        if row.ingester == "html":
            shown["o-cnt:chars"] = (row.data or {}).get("html")
            shown["o-cnt:characterEncoding"] = "UTF-8"

    def _values(self, row: AnyResource, shown: dict[str, Json]) -> None:
        by_term: dict[str, list[Json]] = {}
        for value in row.values:
            if self._caller.sees_value(row, value):
                one = self._value(value)
                if one is not None:
                    by_term.setdefault(self._db.properties[value.property].term, []).append(one)
        template = self._db.templates.get(row.template) if row.template is not None else None
        if template:
            first = [self._db.properties[p.property].term for p in template.properties]
        else:
            first = ["dcterms:title", "dcterms:description"]
        for term in first:
            if term in by_term:
                shown[term] = by_term.pop(term)
        shown.update(by_term)

    def _value(self, value: Value) -> Json:
        shown: dict[str, Json] = {
            "type": value.type,
            "property_id": value.property,
            "property_label": self._db.properties[value.property].label,
            "is_public": value.public,
        }
        if value.annotation:
            notes: dict[str, list[Json]] = {}
            for note in value.annotation:
                notes.setdefault(self._db.properties[note.property].term, []).append(self._value(note))
            shown["@annotation"] = notes
        if value.target is None:
            datatypes.show(value, shown)
            return shown
        target = self._db.resource(value.target)
        if target is None or not self._caller.sees(target):
            return None
        shown["@id"] = f"{self._api}{target.kind}/{target.id}"
        shown["value_resource_id"] = target.id
        shown["value_resource_name"] = target.kind
        shown["url"] = None
        shown["display_title"] = title_shown(target)
        media = media_seen(self._caller, self._db.media_in(target)) if isinstance(target, Item) else []
        primary = self._primary(target, media) if isinstance(target, Item) else None
        if primary is not None:
            shown["thumbnail_url"] = self._thumbnails(target, primary)["square"]
            shown["thumbnail_title"] = title_shown(primary)
            shown["thumbnail_type"] = primary.media_type
        return shown

    def _reverse(self, row: AnyResource, shown: dict[str, Json]) -> None:
        links: dict[str, list[Json]] = {}
        for number in self._db.linked_by.get(row.id, ()):
            source = self._db.resource(number)
            if source is None or not self._caller.sees(source):
                continue
            for value in source.values:
                if value.target == row.id and self._caller.sees_value(source, value):
                    term = self._db.properties[value.property].term
                    link = {"@id": f"{self._api}resources/{source.id}", "o:title": source.title}
                    links.setdefault(term, []).append(link)
        if links:
            shown["@reverse"] = links

    # The rest

    def _user(self, row: User, shown: dict[str, Json], gone: bool) -> None:
        self._head(shown, "users", row.id, "o:User", gone)
        shown["o:name"] = row.name
        shown["o:email"] = row.email
        shown["o:created"] = stamp(row.created, self._zone)
        shown["o:role"] = row.role
        shown["o:is_active"] = row.active

    def _asset(self, row: Asset, shown: dict[str, Json], gone: bool) -> None:
        self._head(shown, "assets", row.id, "o:Asset", gone)
        shown["o:owner"] = self._ref("users", row.owner)
        shown["o:name"] = row.name
        shown["o:filename"] = row.filename
        shown["o:media_type"] = row.media_type
        shown["o:asset_url"] = f"{self._base}/files/asset/{row.filename}"
        shown["o:alt_text"] = row.alt_text

    def _term(self, row: Term, shown: dict[str, Json], gone: bool) -> None:
        table, kind = ("resource_classes", "ResourceClass") if row.is_class else ("properties", "Property")
        self._head(shown, table, row.id, f"o:{kind}", gone)
        shown["o:local_name"] = row.local_name
        shown["o:label"] = row.label
        shown["o:comment"] = row.comment
        shown["o:term"] = row.term
        shown["o:vocabulary"] = self._ref("vocabularies", row.vocabulary)

    def _vocabulary(self, row: VocabularyRow, shown: dict[str, Json], gone: bool) -> None:
        self._head(shown, "vocabularies", row.id, "o:Vocabulary", gone)
        shown["o:namespace_uri"] = row.uri
        shown["o:prefix"] = row.prefix
        shown["o:label"] = row.label
        shown["o:comment"] = row.comment
        shown["o:owner"] = self._ref("users", row.owner)

    def _template(self, row: Template, shown: dict[str, Json], gone: bool) -> None:
        self._head(shown, "resource_templates", row.id, "o:ResourceTemplate", gone)
        shown["o:label"] = row.label
        shown["o:owner"] = self._ref("users", row.owner)
        shown["o:resource_class"] = self._ref("resource_classes", row.resource_class)
        shown["o:title_property"] = self._ref("properties", row.title_property)
        shown["o:description_property"] = self._ref("properties", row.description_property)
        shown["o:resource_template_property"] = [
            {
                "o:property": self._ref("properties", p.property),
                "o:alternate_label": p.alternate_label,
                "o:alternate_comment": p.alternate_comment,
                "o:data_type": p.data_type,
                "o:is_required": p.is_required,
                "o:is_private": p.is_private,
                "o:default_lang": p.default_lang,
            }
            for p in row.properties
        ]

    def _site(self, row: Site, shown: dict[str, Json], gone: bool) -> None:
        self._head(shown, "sites", row.id, "o:Site", gone)
        shown["o:slug"] = row.slug
        shown["o:theme"] = row.theme
        shown["o:title"] = row.title
        shown["o:summary"] = row.summary
        shown["o:thumbnail"] = self._ref("assets", row.thumbnail)
        shown["o:navigation"] = [{"type": "browse", "data": {"label": "Browse", "query": ""}, "links": []}]
        shown["o:homepage"] = None
        shown["o:item_pool"] = row.item_pool
        shown["o:owner"] = self._ref("users", row.owner)
        shown["o:created"] = self._time(row.created)
        shown["o:modified"] = self._time(row.modified)
        shown["o:is_public"] = row.public
        shown["o:assign_new_items"] = row.assign_new_items
        pages = [page.id for page in self._db.site_pages.values() if page.site == row.id] or [row.page]
        nowhere = {"@id": f"{self._api}site_pages", "o:id": None}
        shown["o:page"] = [nowhere if gone else self._ref("site_pages", number) for number in pages]
        shown["o:site_permission"] = [{"o:user": self._ref("users", row.owner), "o:role": "admin"}]
        shown["o:site_item_set"] = [{"o:item_set": self._ref("item_sets", n)} for n in row.item_sets]
        items = f"{self._api}items"
        shown["o:site_item"] = {"@id": items if gone else f"{items}?site_id={row.id}"}

    def _site_page(self, row: SitePage, shown: dict[str, Json], gone: bool) -> None:
        self._head(shown, "site_pages", row.id, "o:SitePage", gone)
        shown["o:slug"] = row.slug
        shown["o:title"] = row.title
        shown["o:is_public"] = row.public
        shown["o:layout"] = None
        shown["o:layout_data"] = None
        shown["o:block"] = [
            {
                "o:layout": block.get("o:layout"),
                "o:data": block.get("o:data") or [],
                "o:layout_data": block.get("o:layout_data"),
                "o:attachment": [self._attachment(one) for one in block.get("o:attachment", ())],
            }
            for block in row.blocks
        ]
        shown["o:site"] = self._ref("sites", row.site)
        shown["o:created"] = self._time(row.created)
        shown["o:modified"] = self._time(row.modified)

    def _attachment(self, kept: Json) -> Json:
        """What a block shows. What was deleted since is shown no more, its caption is."""
        item, media = kept["o:item"]["o:id"], kept["o:media"]["o:id"]
        return {
            "o:item": self._ref("items", item if item in self._db.items else None),
            "o:media": self._ref("media", media if media in self._db.media else None),
            "o:caption": kept["o:caption"],
        }

    def _custom_vocab(self, row: CustomVocab, shown: dict[str, Json], gone: bool) -> None:
        self._head(shown, "custom_vocabs", row.id, "o:CustomVocab", gone)
        shown["o:label"] = row.label
        shown["o:lang"] = row.lang
        shown["o:terms"] = row.terms
        shown["o:uris"] = row.uris
        shown["o:item_set"] = self._ref("item_sets", row.item_set)
        shown["o:owner"] = self._ref("users", row.owner)


def title_shown(row: Resource) -> str:
    """A title for people: media without one are called after their source."""
    if row.title:
        return row.title
    return (row.source if isinstance(row, Media) else None) or "[Untitled]"
