"""Everything but resources: vocabularies, terms, templates, users, sites, assets, custom vocabularies."""

from __future__ import annotations

import copy
import re

from tests.standins.shared.php import Query, is_numeric, members, to_int, truthy

from .access import Caller
from .database import AnyResource, Database, Row
from .errors import failed, invalid, not_found
from .ingest import purify, take
from .knobs import MIB, Knobs
from .model import (
    Asset,
    CustomVocab,
    Item,
    Json,
    Site,
    SitePage,
    Template,
    TemplateProperty,
    Term,
    User,
    Vocabulary,
)
from .request import ApiRequest

TABLES = {
    "users": ("users", "User"),
    "vocabularies": ("vocabularies", "Vocabulary"),
    "properties": ("properties", "Property"),
    "resource_classes": ("resource_classes", "ResourceClass"),
    "resource_templates": ("templates", "ResourceTemplate"),
    "sites": ("sites", "Site"),
    "site_pages": ("site_pages", "SitePage"),
    "assets": ("assets", "Asset"),
    "custom_vocabs": ("custom_vocabs", "CustomVocab"),
}
_TERM = re.compile(r"[a-z0-9\-_]+:[a-z0-9\-_]+\Z", re.I)
_ASSET_TYPES = ["image/jpeg", "image/png", "image/gif", "image/svg+xml", "image/webp"]
_ASSET_EXTENSIONS = ["jpg", "jpeg", "png", "gif", "svg", "webp"]


class Catalog:
    """The adapters of what is no resource."""

    def __init__(self, database: Database, knobs: Knobs) -> None:
        self._db = database
        self._knobs = knobs

    def knows(self, resource: str) -> bool:
        """Whether the name is one of ours, in this installation."""
        if resource == "custom_vocabs":
            return "CustomVocab" in self._knobs.modules
        return resource in TABLES

    def search(self, resource: str, query: Query, caller: Caller) -> list[Row]:
        """All rows that match, by id."""
        if resource == "users":
            caller.may_search_users()
        table, _ = TABLES[resource]
        rows: list[Json] = sorted(getattr(self._db, table).values(), key=lambda r: r.id)
        if resource in ("properties", "resource_classes"):
            return self._terms(rows, query)
        for name, field in (
            ("prefix", "prefix"),
            ("namespace_uri", "uri"),
            ("label", "label"),
            ("slug", "slug"),
        ):
            wanted = query.get(name)
            if isinstance(wanted, str) and rows and hasattr(rows[0], field):
                rows = [r for r in rows if getattr(r, field) == wanted]
        if resource == "users" and isinstance(query.get("email"), str):
            rows = [r for r in rows if r.email == query["email"]]
        return rows

    def _terms(self, rows: list[Term], query: Query) -> list[Row]:
        term = query.get("term")
        if isinstance(term, str) and _TERM.match(term):
            # A term without a prefix is no filter at all; one with a wrong one finds nothing.
            rows = [r for r in rows if r.term == term]
        prefix = query.get("vocabulary_prefix")
        if isinstance(prefix, str):
            rows = [r for r in rows if self._db.vocabularies[r.vocabulary].prefix == prefix]
        number = query.get("vocabulary_id")
        if is_numeric(number):
            rows = [r for r in rows if r.vocabulary == to_int(number)]
        name = query.get("local_name")
        if isinstance(name, str):
            rows = [r for r in rows if r.local_name == name]
        return [*rows]

    def find(self, request: ApiRequest, caller: Caller) -> Json:
        """One row, or 404."""
        table, entity = TABLES[request.resource]
        row = getattr(self._db, table).get(request.number)
        if row is None:
            raise not_found(entity, f'"{request.id}"')
        if entity == "User":
            caller.may_search_users()
        return row

    def create(self, request: ApiRequest, caller: Caller) -> Row:
        """A new row."""
        caller.may_create(TABLES[request.resource][1])
        owner = caller.user.id if caller.user else None
        data = request.content if isinstance(request.content, dict) else {}
        match request.resource:
            case "users":
                row: Row = self._user(data)
            case "vocabularies":
                row = self._vocabulary(data, owner)
            case "properties" | "resource_classes":
                row = self._term(data, is_class=request.resource == "resource_classes")
            case "resource_templates":
                row = self._template(data, Template(id=0, label="", owner=owner))
            case "sites":
                row = self._site(data, owner)
            case "site_pages":
                row = self._page(data)
            case "assets":
                row = self._asset(request, data, owner)
            case _:
                row = self._custom_vocab(data, owner)
        self._db.put(row)
        return row

    def update(self, request: ApiRequest, row: Json, caller: Caller, *, partial: bool) -> Row:
        """Change a vocabulary, template, user, site or asset; the rest does not change.

        No PATCH of these was recorded. They follow Omeka's adapters: what is not sent stays, a list of
        members is the whole list, and an existing member of a vocabulary is kept by its number, unchanged.
        """
        caller.may_change("update", TABLES[request.resource][1], getattr(row, "owner", None))
        data = request.content if isinstance(request.content, dict) else {}
        changed: Row = copy.copy(row)
        if isinstance(changed, Vocabulary):
            self._change_vocabulary(data, changed)
        elif isinstance(changed, Template):
            self._template(data, changed, partial=partial)
        elif isinstance(changed, User):
            changed.active = truthy(data.get("o:is_active", changed.active))
            changed.role = data.get("o:role", changed.role)
            changed.name = data.get("o:name", changed.name)
        elif isinstance(changed, Site):
            self._change_site(data, changed)
        elif isinstance(changed, SitePage):
            self._change_page(data, changed, partial=partial)
        elif isinstance(changed, Asset):
            changed.name = data.get("o:name", changed.name)
            changed.alt_text = data.get("o:alt_text", changed.alt_text)
        self._db.put(changed)
        return changed

    def delete(self, row: Json) -> None:
        """Remove a row; what pointed to it points nowhere, and what belongs to it goes with it."""
        if isinstance(row, Site):
            for page in [one for one in self._db.site_pages.values() if one.site == row.id]:
                self._db.delete(page)
        if isinstance(row, Vocabulary):
            for table in (self._db.properties, self._db.resource_classes):
                for term in [one for one in table.values() if one.vocabulary == row.id]:
                    self.delete(term)
        for resource in self._db.resources():
            if self._unlink(resource, row):
                self._db.put(resource)
        if isinstance(row, Asset):
            self._db.files.delete(f"asset/{row.filename}")
        self._db.delete(row)

    @staticmethod
    def _unlink(resource: AnyResource, row: Json) -> bool:
        if isinstance(row, Template) and resource.template == row.id:
            resource.template = None
        elif isinstance(row, Asset) and resource.thumbnail == row.id:
            resource.thumbnail = None
        elif (
            isinstance(row, Term) and not row.is_class and any(v.property == row.id for v in resource.values)
        ):
            resource.values = [v for v in resource.values if v.property != row.id]
        elif isinstance(row, Term) and row.is_class and resource.resource_class == row.id:
            resource.resource_class = None
        elif isinstance(row, User) and resource.owner == row.id:
            resource.owner = None
        elif isinstance(row, Site) and isinstance(resource, Item) and row.id in resource.sites:
            resource.sites = [n for n in resource.sites if n != row.id]
        else:
            return False
        return True

    # One adapter after the other

    def _user(self, data: Json) -> User:
        errors: dict[str, list[Json]] = {}
        email, name = data.get("o:email"), data.get("o:name")
        if not name:
            errors["o:name"] = ["The name cannot be empty."]
        if not email:
            errors["o:email"] = ["The email cannot be empty."]
        elif any(u.email == email for u in self._db.users.values()):
            errors["o:email"] = [f"The email {email} is already taken."]
        if not data.get("o:role"):
            errors["o:role"] = ["Users must have a role."]
        if errors:
            raise invalid(errors)
        return User(
            id=self._db.next_id("users"),
            name=str(name),
            email=str(email),
            role=str(data["o:role"]),
            created=self._db.now(),
            active=truthy(data.get("o:is_active", False)),
        )

    def _vocabulary(self, data: Json, owner: int | None) -> Vocabulary:
        uri, prefix, label = (data.get(f"o:{key}") for key in ("namespace_uri", "prefix", "label"))
        known = self._db.vocabularies.values()
        errors: dict[str, list[Json]] = {}
        if not label:
            errors["o:label"] = ["The label cannot be empty."]
        if not uri:
            errors["o:namespace_uri"] = ["The namespace URI cannot be empty."]
        elif any(v.uri == uri for v in known):
            errors["o:namespace_uri"] = [f'The namespace URI "{uri}" is already taken.']
        if not prefix:
            errors["o:prefix"] = ["The prefix cannot be empty."]
        elif any(v.prefix == prefix for v in known):
            errors["o:prefix"] = [f'The prefix "{prefix}" is already taken.']
        if errors:
            raise invalid(errors)
        row = Vocabulary(
            id=self._db.next_id("vocabularies"),
            uri=str(uri),
            prefix=str(prefix),
            label=str(label),
            comment=data.get("o:comment"),
            owner=owner,
        )
        self._db.put(row)
        for key, is_class in (("o:property", False), ("o:class", True)):
            for member in members(data.get(key)):
                self._db.put(self._term({**member, "o:vocabulary": {"o:id": row.id}}, is_class=is_class))
        return row

    def _change_vocabulary(self, data: Json, row: Vocabulary) -> None:
        others = [v for v in self._db.vocabularies.values() if v.id != row.id]
        for key, field, what in (
            ("o:namespace_uri", "uri", "namespace URI"),
            ("o:prefix", "prefix", "prefix"),
            ("o:label", "label", "label"),
        ):
            sent = data.get(key, getattr(row, field))
            if not sent:
                raise invalid({key: [f"The {what} cannot be empty."]})
            if field != "label" and any(getattr(v, field) == sent for v in others):
                raise invalid({key: [f'The {what} "{sent}" is already taken.']})
            setattr(row, field, str(sent))
        row.comment = data.get("o:comment", row.comment)
        for key, table, is_class in (
            ("o:property", self._db.properties, False),
            ("o:class", self._db.resource_classes, True),
        ):
            if key in data:
                self._change_members([*members(data[key])], row, table, is_class=is_class)

    def _change_members(
        self, sent: list[Json], row: Vocabulary, table: dict[int, Term], *, is_class: bool
    ) -> None:
        kept = {to_int(member["o:id"]) for member in sent if is_numeric(member.get("o:id"))}
        new = [member for member in sent if not is_numeric(member.get("o:id"))]
        names = [table[number].local_name for number in kept] + [str(one.get("o:local_name")) for one in new]
        if len(names) != len(set(names)):
            raise invalid({"o:resource_class": ["The local name is already taken."]})
        for term in [one for one in table.values() if one.vocabulary == row.id and one.id not in kept]:
            self.delete(term)
        for member in new:
            self._db.put(self._term({**member, "o:vocabulary": {"o:id": row.id}}, is_class=is_class))

    def _term(self, data: Json, *, is_class: bool) -> Term:
        sent = data.get("o:vocabulary")
        number = to_int(sent["o:id"]) if isinstance(sent, dict) and is_numeric(sent.get("o:id")) else None
        vocabulary = self._db.vocabularies.get(number) if number is not None else None
        if vocabulary is None:
            raise invalid({"o:vocabulary": ["A vocabulary must be set."]})
        return Term(
            id=self._db.next_id("resource_classes" if is_class else "properties"),
            vocabulary=vocabulary.id,
            local_name=str(data.get("o:local_name")),
            label=str(data.get("o:label")),
            comment=data.get("o:comment"),
            term=f"{vocabulary.prefix}:{data.get('o:local_name')}",
            is_class=is_class,
        )

    def _template(self, data: Json, row: Template, *, partial: bool = False) -> Template:
        if "o:label" in data or not partial:
            label = data.get("o:label")
            if not label:
                raise invalid({"o:label": ["The label cannot be empty."]})
            if any(t.label == label and t.id != row.id for t in self._db.templates.values()):
                raise invalid({"o:label": ["The label is already taken."]})
            row.label = str(label)
        for key, field in (
            ("o:resource_class", "resource_class"),
            ("o:title_property", "title_property"),
            ("o:description_property", "description_property"),
        ):
            if key in data or not partial:
                setattr(row, field, _reference(data.get(key)))
        if "o:resource_template_property" in data or not partial:
            row.properties = [
                TemplateProperty(
                    property=number,
                    alternate_label=sent.get("o:alternate_label"),
                    alternate_comment=sent.get("o:alternate_comment"),
                    data_type=[t for t in members(sent.get("o:data_type")) if isinstance(t, str)],
                    is_required=truthy(sent.get("o:is_required")),
                    is_private=truthy(sent.get("o:is_private")),
                    default_lang=sent.get("o:default_lang"),
                )
                for sent in members(data.get("o:resource_template_property"))
                if isinstance(sent, dict) and (number := _reference(sent.get("o:property"))) is not None
            ]
        row.id = row.id or self._db.next_id("templates")
        return row

    def _site(self, data: Json, owner: int | None) -> Site:
        title = data.get("o:title")
        if not title:
            raise invalid({"o:title": ["A site must have a title."]})
        slug = data.get("o:slug") or re.sub(r"[^a-z0-9]+", "-", str(title).lower()).strip("-")
        if any(s.slug == slug for s in self._db.sites.values()):
            raise invalid({"o:slug": [f'The slug "{slug}" is already taken.']})
        now = self._db.now()
        number, page = self._db.next_id("sites"), self._db.next_id("site_pages")
        welcome = SitePage(
            id=page, site=number, slug="welcome", title="Welcome", created=now, modified=now, blocks=_WELCOME
        )
        self._db.put(welcome)
        return Site(
            id=number,
            slug=str(slug),
            title=str(title),
            created=now,
            modified=now,
            page=page,
            theme=str(data.get("o:theme") or "default"),
            summary=str(data.get("o:summary") or "").strip() or None,
            thumbnail=_reference(data.get("o:thumbnail")),
            item_sets=self._site_sets(data),
            owner=owner,
            public=truthy(data.get("o:is_public", True)),
            assign_new_items=truthy(data.get("o:assign_new_items", False)),
        )

    def _site_sets(self, data: Json) -> list[int]:
        """The whole list, in the order that was sent; 404 for a set that is not there."""
        numbers = [_reference(one.get("o:item_set")) for one in members(data.get("o:site_item_set"))]
        for number in numbers:
            if number is not None and number not in self._db.item_sets:
                raise not_found("ItemSet", f'{{"id":{number}}}')
        return list(dict.fromkeys(number for number in numbers if number is not None))

    def _change_site(self, data: Json, row: Site) -> None:
        for key, field in (("o:title", "title"), ("o:slug", "slug"), ("o:theme", "theme")):
            sent = data.get(key, getattr(row, field))
            if not sent:
                raise invalid({key: [f"A site must have a {field}."]})
            setattr(row, field, str(sent).strip())
        if any(s.slug == row.slug and s.id != row.id for s in self._db.sites.values()):
            raise invalid({"o:slug": [f'The slug "{row.slug}" is already taken.']})
        row.summary = str(data.get("o:summary", row.summary) or "").strip() or None
        row.public = truthy(data.get("o:is_public", row.public))
        row.assign_new_items = truthy(data.get("o:assign_new_items", row.assign_new_items))
        if "o:site_item_set" in data:
            row.item_sets = self._site_sets(data)
        for key, field in (("o:thumbnail", "thumbnail"), ("o:owner", "owner")):
            if key in data:
                setattr(row, field, _reference(data[key]))
        row.modified = self._db.now()

    def _page(self, data: Json) -> SitePage:
        site = self._db.sites.get(_reference(data.get("o:site")) or 0)
        if site is None:
            raise invalid({"o:site": ["A page must belong to a site."]})
        now = self._db.now()
        blocks = [*members(data.get("o:block"))] or [{"o:layout": "pageTitle", "o:data": []}]
        number = self._db.next_id("site_pages")
        page = SitePage(id=number, site=site.id, slug="", title="", created=now, modified=now, blocks=blocks)
        title = str(data.get("o:title") or "").strip()
        slug = data.get("o:slug") or re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
        self._set_page(page, title, str(slug), data.get("o:is_public", True))
        return page

    def _change_page(self, data: Json, row: SitePage, *, partial: bool) -> None:
        """Blocks that a PATCH brings come behind those that are there; a PUT says all of the page."""
        there = row.blocks if partial else []
        row.blocks = [*there, *members(data.get("o:block"))]
        title, slug, public = (row.title, row.slug, row.public) if partial else ("", "", True)
        public = data.get("o:is_public", public)
        self._set_page(row, data.get("o:title", title), data.get("o:slug", slug), public)
        row.modified = self._db.now()

    def _set_page(self, row: SitePage, title: str, slug: str, public: Json) -> None:
        if not title:
            raise invalid({"o:title": ["A page must have a title."]})
        if re.search(r"[^a-zA-Z0-9_-]", slug) or not slug:
            raise invalid({"o:slug": ["A slug can only contain letters, numbers, underscores, and hyphens."]})
        pages = [one for one in self._db.site_pages.values() if one.site == row.site and one.id != row.id]
        if any(one.slug == slug for one in pages):
            raise invalid({"o:slug": [f'The slug "{slug}" is already taken.']})
        row.title, row.slug, row.public = title, slug, truthy(public)
        row.blocks = [self._attached(_purified(block)) for block in row.blocks]

    def _attached(self, block: Json) -> Json:
        """What a block shows, as Omeka keeps it: a media only of its own item."""
        kept = []
        for one in members(block.get("o:attachment")):
            item, media = _reference(one.get("o:item")), _reference(one.get("o:media"))
            if item not in self._db.items:
                item = media = None
            elif media is not None and getattr(self._db.media.get(media), "item", None) != item:
                media = None
            caption = purify(str(one.get("o:caption") or ""))
            kept.append({"o:item": {"o:id": item}, "o:media": {"o:id": media}, "o:caption": caption})
        return {**block, "o:attachment": kept}

    def _asset(self, request: ApiRequest, data: Json, owner: int | None) -> Asset:
        upload = request.files.get("")
        if upload is None:
            raise invalid({"file": ["No file was uploaded"]})
        if upload.content.size > (self._knobs.upload_max_filesize or 1024 * MIB):
            raise invalid(
                {"upload": ["The uploaded file exceeds the upload_max_filesize directive in php.ini"]}
            )
        file = take(upload.name, upload.content, _ASSET_TYPES, _ASSET_EXTENSIONS)
        self._db.files.write(f"asset/{file.filename}", file.content)
        return Asset(
            id=self._db.next_id("assets"),
            name=data.get("o:name", upload.name),
            storage=file.storage,
            extension=file.extension,
            media_type=file.media_type,
            alt_text=data.get("o:alt_text"),
            owner=owner,
        )

    def _custom_vocab(self, data: Json, owner: int | None) -> CustomVocab:
        label = data.get("o:label")
        if not label:
            raise failed(422, "The label cannot be empty.")
        terms = data.get("o:terms")
        if isinstance(terms, str):
            terms = [t.strip() for t in terms.splitlines() if t.strip()]
        return CustomVocab(
            id=self._db.next_id("custom_vocabs"),
            label=str(label),
            lang=data.get("o:lang"),
            terms=[str(t) for t in members(terms)] if terms else None,
            uris=data.get("o:uris"),
            item_set=_reference(data.get("o:item_set")),
            owner=owner,
        )


_WELCOME: list[Json] = [
    {"o:layout": "html", "o:data": {"html": "Welcome to your new site. This is an example page."}},
]


def _purified(block: Json) -> Json:
    data = block.get("o:data")
    if block.get("o:layout") != "html" or not isinstance(data, dict):
        return block
    return {**block, "o:data": {**data, "html": purify(str(data.get("html") or ""))}}


def _reference(sent: Json) -> int | None:
    return to_int(sent["o:id"]) if isinstance(sent, dict) and is_numeric(sent.get("o:id")) else None
