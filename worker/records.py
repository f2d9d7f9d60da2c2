"""What travels through the worker.

`blob → reader → Row → mapping → Mapped (Drafts and Problems) → planning → plan entry → applying → journal`

All of it is plain immutable data. Structs rather than dataclasses where a thing is kept in the
database, because msgspec writes and reads those without code of ours. They are trees that never lead back
to themselves, so the collector of cycles need not walk them (`gc=False`): a chunk holds tens of thousands.
"""

from __future__ import annotations

import functools
import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Literal, TypeAlias, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

Kind = Literal[
    "item",
    "item-set",
    "media",
    "asset",
    "vocabulary",
    "resource-template",
    "user",
    "site",
    "site-page",
    "element-set",
    "item-type",
]
"""What the common plan and apply code knows."""

RESOURCES: tuple[Kind, ...] = ("item", "item-set", "media")
"""The kinds that bear properties. Their numbers are of one series; every other kind has its own."""

KINDS: Mapping[str, Kind] = {kind: kind for kind in get_args(Kind)}
"""The kinds, by their names in the control file."""

Severity = Literal["reject", "warning", "stop"]
OnError = Literal["reject", "drop", "stop"]
FindBy = Literal["path", "name", "stem"]


class Row(Struct, frozen=True, gc=False):
    """One record of an input file, before anything was made of it.

    `number` counts as a person does: the line on which the record begins (line-based files; the
    header is line 1), the row number that a spreadsheet program shows, or the element of an array
    or of an XML file (the first is 1).
    """

    file: str
    number: int
    fields: Mapping[str, Json]


class Problem(Struct, frozen=True, omit_defaults=True, gc=False):
    """Something about one record that a person must know: what, where, why, what to do."""

    severity: Severity
    code: str
    message: str
    pointer: str = ""
    """JSON pointer into the control file of the instruction that met it."""
    value: str = ""
    """The input value, shortened for reading."""


class Link(Struct, frozen=True, omit_defaults=True, gc=False):
    """A value that stands for another resource, found by that resource's identity."""

    to: str
    """Destination label in the control file (`item:artist`) or a kind."""
    scope: str
    by: tuple[str, ...]
    identity: tuple[str, ...]
    pointer: str = ""
    otherwise: tuple[Value, ...] | None = None
    """What to write where no such resource is found; None: `on_error` decides."""
    on_error: OnError = "reject"

    @property
    def sought(self) -> Sought:
        kind = KINDS.get(self.to.partition(":")[0])
        return Sought(kind, Identity(self.scope, self.by, self.identity))


class Sought(Struct, frozen=True):
    """What a link looks for. `kind` None: a resource of any kind, by its number."""

    kind: Kind | None
    identity: Identity

    @property
    def number(self) -> int | None:
        """The number of the resource, where the link names that rather than an identity."""
        return None if self.identity.by else int(self.identity.values[0])

    @property
    def any_scope(self) -> bool:
        """A link that names no scope finds what this service wrote under any."""
        return not self.identity.scope


class Value(Struct, frozen=True, omit_defaults=True, gc=False):
    """One value of a property, in the terms of RDF rather than of one target's numbers.

    `type` is the target's name of the data type (`literal`, `uri`, `numeric:timestamp`, …;
    `resource` for links). `None` for `public` and `annotation` means: not named by the control file.
    """

    type: str = "literal"
    text: str | None = None
    uri: str | None = None
    label: str | None = None
    language: str | None = None
    public: bool | None = None
    annotation: tuple[Property, ...] | None = None
    link: Link | None = None
    untyped: bool = False
    """The control file names no type and applies templates: theirs may take the place of `literal`. Only
    between mapping and planning."""


OnUpdate = Literal["replace", "append", "remove", "keep"]
Of = Literal["all", "language", "type", "ours"]


class Property(Struct, frozen=True, omit_defaults=True, gc=False):
    """The values that a record gives to one property, and what becomes of present ones."""

    term: str
    values: tuple[Value, ...] = ()
    on_update: OnUpdate = "replace"
    of: Of = "all"
    pointer: str = ""


Own: TypeAlias = "bool | str | tuple[str, ...] | None"
"""What a name is given that only one kind has; None: it is emptied."""


class Place(Struct, frozen=True, omit_defaults=True, gc=False):
    """Where an item is on a map, in degrees. None: the control file does not say it."""

    latitude: float
    longitude: float
    zoom: int | None = None
    address: str | None = None
    label: str | None = None


class Fields(Struct, frozen=True, omit_defaults=True, gc=False):
    """What a resource has beside properties. UNSET: the control file does not name it."""

    public: bool | UnsetType = UNSET
    featured: bool | UnsetType = UNSET
    resource_class: str | UnsetType | None = UNSET
    template: str | UnsetType | None = UNSET
    item_sets: tuple[str, ...] | UnsetType = UNSET
    sites: tuple[str, ...] | UnsetType = UNSET
    owner: str | UnsetType | None = UNSET
    tags: tuple[str, ...] | UnsetType = UNSET
    thumbnail: str | UnsetType | None = UNSET
    position: int | UnsetType = UNSET
    alt_text: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    geolocation: Place | UnsetType | None = UNSET
    own: Mapping[str, Own] = {}
    """Of what is no resource (an asset, a site …): the other names that it is given, by their words."""
    of: Mapping[str, Of] = {}
    on_update: Mapping[str, OnUpdate] = {}


Ingester = Literal["upload", "url", "html", "iiif", "iiif_presentation", "oembed", "youtube", "sideload"]


class Content(Struct, frozen=True, omit_defaults=True, gc=False):
    """Bytes that this service holds: those of a file, or of a member of a zip."""

    digest: str
    """SHA-256, lower-case hex."""
    size: int
    archive: str = ""
    """The digest of the zip that they stand in; "": they are a file of their own."""
    member: str = ""
    """Their name in that zip, as the zip spells it."""


class FileName(Struct, frozen=True, gc=False):
    """An attachment as a record names it. `on_error`: what its instruction says of one that cannot be sent;
    "" where it says nothing: then the media is rejected, and its record is written without it."""

    text: str
    find_by: FindBy
    ignore_case: bool
    on_error: OnError | Literal[""]
    pointer: str


class MediaSource(Struct, frozen=True, omit_defaults=True, gc=False):
    """Where the bytes or the content of a media come from."""

    ingester: Ingester
    value: str
    """The URL, the HTML, or the name of the file, as the ingester takes it."""
    source: str | None = None
    """`o:source`, where it differs from `value`."""
    named: FileName | None = None
    """An attachment that was not looked for yet (`worker.attachments`). Only between mapping and planning."""
    content: Content | None = None
    """The bytes of an attachment that was found, or that were fetched from an address."""
    media_type: str = ""
    """What they are, by their content."""
    needed: bool = False
    """Whether the record is not to be written without it."""
    refused: Problem | None = None
    """Why the media cannot be sent, though its record can."""

    @property
    def name(self) -> str:
        """By what a person knows it; of HTML nothing."""
        return "" if self.ingester == "html" else self.value

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, or of what stands for them: the same content has the same."""
        if self.content is not None and self.ingester != "url":
            return self.content.digest
        return hashlib.sha256(f"{self.ingester}\x1f{self.value}".encode("utf-8", "surrogatepass")).hexdigest()


_PICTURE = "thumbnail-"


def picture_name(digest: str) -> str:
    """What the asset is called that is made of a file with this SHA-256: the same bytes, the same asset."""
    return f"{_PICTURE}{digest}"


def is_picture_name(name: str) -> bool:
    return name.startswith(_PICTURE) and len(name) == len(_PICTURE) + 64


class Identity(Struct, frozen=True, gc=False):
    """By what a record is known again. `values` stand in the order of `by`; one value for several
    properties means that they are alternatives: any of them may bear it."""

    scope: str
    by: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of the values (NFC, trimmed, case kept), the last part of the ledger's key."""
        return identity_digest(self.values)

    @property
    def shown(self) -> str:
        return " + ".join(self.values)

    @property
    def alternatives(self) -> bool:
        return len(self.by) > len(self.values)

    @property
    def by_text(self) -> str:
        """The properties as ledger and plan keep them: `a b` together, `a | b` as alternatives."""
        return (" | " if self.alternatives else " ").join(self.by)

    @property
    def written(self) -> tuple[tuple[str, str], ...]:
        """(property, value) that a new resource shall bear: of alternatives the first."""
        return tuple(zip(self.by, self.values, strict=False))


def normal_identity(value: str) -> str:
    """The form in which identifiers are compared: NFC, trimmed, case kept."""
    return unicodedata.normalize("NFC", value).strip()


@functools.lru_cache(maxsize=2048)
def identity_digest(values: tuple[str, ...]) -> str:
    joined = "\x1f".join(normal_identity(value) for value in values)
    return hashlib.sha256(joined.encode("utf-8", "surrogatepass")).hexdigest()


DraftAction = Literal["new", "load", "delete"]


class Draft(Struct, frozen=True, omit_defaults=True, gc=False):
    """A resource as one record means it; the outcome of mapping. Pure data, no numbers of a target."""

    destination: str
    """Label in the control file: `item`, `item:artist`, `media` …"""
    kind: Kind
    ordinal: int
    """Which resource of its record, from 0."""
    action: DraftAction = "new"
    identity: Identity | None = None
    resource_id: int | None = None
    """Only for `load:by-id`."""
    item: int | None = None
    """Of media: the ordinal of the draft of the item that it belongs to."""
    properties: tuple[Property, ...] = ()
    fields: Fields = Fields()
    source: MediaSource | None = None
    order: tuple[int, ...] = ()
    """Of an item: the media that its record has, in their order; below zero: the entry that creates it. Only
    between planning and applying."""
    primary: bool = False
    """Of a media: whether it is to be the primary one of its item. Part of what the item means."""
    picture: MediaSource | None = None
    """The file that becomes its thumbnail. What it means is `fields.thumbnail`: the name of the asset that is
    made of these bytes (`picture_name`)."""
    chosen: int = 0
    """Of an item with an `order`: the media that is to be its primary one, as there; 0: none is named."""
    whole: bool = False
    """Whether `properties` speaks for all elements: what this service wrote in any other is to go."""
    otherwise: str = ""
    """Of a `load` that says what to do when there is no such resource: its pointer. The record is then
    mapped again with that load among the `missing` ones (`RecordMapper.map`)."""

    def canonical(self) -> bytes:
        """The draft in one fixed form: what `meant` in the ledger is a digest of.

        Row, ordinal and pointers are left out: the same resource from another line is the same.
        """
        return _encode_canonical(
            (
                self.kind,
                self.action,
                self.identity,
                [
                    (one.term, one.on_update, one.of, _canonical(one.values))
                    for one in sorted(self.properties, key=_term)
                ],
                self.fields,
                _meant_source(self.source),
                *((True,) if self.whole else ()),
            )
        )


_encode_canonical = msgspec.json.Encoder(order="deterministic").encode
_term = attrgetter("term")


def _meant_source(source: MediaSource | None) -> object:
    """Of a file its bytes count: not what it is called, nor in which zip it came."""
    if source is None or source.content is None:
        return source
    if source.ingester == "url":  # known by its address: what stood there, nobody knew when it was planned
        return msgspec.structs.replace(source, content=None)
    return (source.ingester, source.content.digest, source.source)


def _canonical(values: tuple[Value, ...]) -> Sequence[Value]:
    for value in values:
        if value.link is not None or value.annotation:
            return [_bare(one) for one in values]
    return values


def _bare(value: Value) -> Value:
    """Without what does not make it another value: where a link stands, and what would stand in for it."""
    if value.annotation:
        notes = tuple(
            msgspec.structs.replace(note, values=tuple(map(_bare, note.values)), pointer="")
            for note in value.annotation
        )
        value = msgspec.structs.replace(value, annotation=notes)
    if value.link is None:
        return value
    return msgspec.structs.replace(
        value, link=Link(value.link.to, value.link.scope, value.link.by, value.link.identity)
    )


class Mapped(Struct, frozen=True, gc=False):
    """What the control file made of one row."""

    file: str
    row: int
    drafts: tuple[Draft, ...] = ()
    problems: tuple[Problem, ...] = ()
    skipped: str | None = None
    """The message of a `skip` instruction; nothing is written then."""
    identities: tuple[Identity, ...] = ()
    """Every identity that was read, also of drafts that a problem took away (for `absent`)."""

    @property
    def rejected(self) -> bool:
        return any(problem.severity != "warning" for problem in self.problems)
