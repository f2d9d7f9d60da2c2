"""The vocabulary: destinations and their names, types, filters, and the vocabularies that Omeka brings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from service.control.model import DestinationKind, FieldWord, Model, PseudoKind, SimpleFilterName

MODELS: tuple[Model, ...] = get_args(Model)
BOTH: frozenset[Model] = frozenset(MODELS)
ONLY_S: frozenset[Model] = frozenset({"omeka", "omeka-s"})
ONLY_CLASSIC: frozenset[Model] = frozenset({"omeka", "omeka-classic"})
"""With the model `omeka` every name is allowed; the target judges which of them it has."""

FieldValue = Literal["text", "boolean", "integer", "link"]


@dataclass(frozen=True, slots=True)
class FieldDoc:
    """A field of a destination. `many`: holds several values."""

    doc: str
    value: FieldValue = "text"
    many: bool = False
    models: frozenset[Model] = BOTH


@dataclass(frozen=True, slots=True)
class DestinationDoc:
    """A destination. `properties`: it bears RDF terms (or elements) beside its fields."""

    doc: str
    fields: dict[FieldWord, FieldDoc]
    properties: bool = False
    models: frozenset[Model] = BOTH


_PUBLIC = FieldDoc("Whether everybody sees it.", "boolean")
_CLASS = FieldDoc("The resource class, by term or label (Classic: the item type).")
_TEMPLATE = FieldDoc("The resource template, by label.", models=ONLY_S)
_OWNER = FieldDoc("A user, by e-mail or number.", models=ONLY_S)
_THUMBNAIL = FieldDoc(
    "An asset, by name or number; with `findBy` an uploaded file, which becomes one.", models=ONLY_S
)
_TITLE = FieldDoc("The title.")

DESTINATIONS: dict[DestinationKind, DestinationDoc] = {
    "item": DestinationDoc(
        "An item.",
        {
            "public": _PUBLIC,
            "featured": FieldDoc("Whether it is featured.", "boolean", models=ONLY_CLASSIC),
            "class": _CLASS,
            "template": _TEMPLATE,
            "item-set": FieldDoc("Item sets (Classic: the collection), by title or number.", many=True),
            "site": FieldDoc("Sites that show it, by slug, title or number.", many=True, models=ONLY_S),
            "owner": _OWNER,
            "tags": FieldDoc("Tags.", many=True, models=ONLY_CLASSIC),
            "thumbnail": _THUMBNAIL,
        },
        properties=True,
    ),
    "item-set": DestinationDoc(
        "An item set; on Classic a collection.",
        {
            "public": _PUBLIC,
            "featured": FieldDoc("Whether it is featured.", "boolean", models=ONLY_CLASSIC),
            "class": _CLASS,
            "template": _TEMPLATE,
            "site": FieldDoc("Sites that show it.", many=True, models=ONLY_S),
            "owner": _OWNER,
            "thumbnail": _THUMBNAIL,
        },
        properties=True,
    ),
    "media": DestinationDoc(
        "A media of the record's current item; on Classic a file.",
        {
            "public": _PUBLIC,
            "class": _CLASS,
            "template": _TEMPLATE,
            "owner": _OWNER,
            "thumbnail": _THUMBNAIL,
            "position": FieldDoc("The place among the media of the item, from 1.", "integer"),
            "primary": FieldDoc(
                "Whether it is the item's primary media; one of an item may be.", "boolean", models=ONLY_S
            ),
            "file": FieldDoc("An uploaded file, by its name."),
            "url": FieldDoc("An address that the file is fetched from."),
            "html": FieldDoc("HTML that is itself the media.", models=ONLY_S),
            "iiif": FieldDoc("The address of a IIIF image.", models=ONLY_S),
            "iiif-presentation": FieldDoc("The address of a IIIF manifest.", models=ONLY_S),
            "oembed": FieldDoc("The address of something that answers oEmbed.", models=ONLY_S),
            "youtube": FieldDoc("The address of a YouTube video.", models=ONLY_S),
            "sideload": FieldDoc("The name of a file in the target's own folder.", models=ONLY_S),
            "source": FieldDoc("Where the file comes from, as Omeka shows it.", models=ONLY_S),
            "alt-text": FieldDoc("The text for who cannot see the image.", models=ONLY_S),
            "language": FieldDoc("The language of the media.", models=ONLY_S),
        },
        properties=True,
    ),
    "asset": DestinationDoc(
        "An asset (thumbnails, logos).",
        {
            "name": FieldDoc("Its name; by this it is known again."),
            "file": FieldDoc("An uploaded file, by its name or its digest. Omeka never replaces it."),
            "alt-text": FieldDoc("The text for who cannot see the image."),
        },
        models=ONLY_S,
    ),
    "site": DestinationDoc(
        "A site.",
        {
            "title": _TITLE,
            "slug": FieldDoc("The part of its address; by this it is known again."),
            "description": FieldDoc("A summary."),
            "public": _PUBLIC,
            "theme": FieldDoc("The theme, by the name of its folder."),
            "assign-new-items": FieldDoc("Whether items that are created later join it.", "boolean"),
            "item-set": FieldDoc("Item sets that it shows, by title or number.", many=True),
            "owner": _OWNER,
            "thumbnail": _THUMBNAIL,
        },
        models=ONLY_S,
    ),
    "site-page": DestinationDoc(
        "A page of a site.",
        {
            "site": FieldDoc("The site, by slug, title or number."),
            "title": _TITLE,
            "slug": FieldDoc("The part of its address."),
            "html": FieldDoc("Its content: blocks of HTML. Blocks of other kinds stay."),
            "item": FieldDoc(
                "Items that it shows, each by a `link`, in a block behind its HTML.",
                "link",
                many=True,
                models=ONLY_S,
            ),
            "public": _PUBLIC,
            "position": FieldDoc("The place in the navigation, from 1.", "integer", models=ONLY_CLASSIC),
        },
    ),
    "user": DestinationDoc(
        "A user.",
        {
            "email": FieldDoc("The e-mail address; by this it is known again."),
            "name": FieldDoc("The name as shown."),
            "role": FieldDoc("The role, by its Omeka name; unsaid, a new one is a researcher."),
        },
    ),
    "vocabulary": DestinationDoc(
        "A vocabulary.",
        {
            "prefix": FieldDoc("The prefix of its terms; by this it is known again."),
            "namespace": FieldDoc("The URI of its terms."),
            "label": FieldDoc("Its name."),
            "description": FieldDoc("A comment."),
            "properties": FieldDoc("Properties that it has: local names, or objects.", many=True),
            "classes": FieldDoc("Classes that it has: local names, or objects.", many=True),
        },
        models=ONLY_S,
    ),
    "resource-template": DestinationDoc(
        "A resource template.",
        {
            "label": FieldDoc("Its name; by this it is known again."),
            "class": _CLASS,
            "owner": _OWNER,
            "properties": FieldDoc("Properties that it has: terms, or objects.", many=True),
        },
        models=ONLY_S,
    ),
    "element-set": DestinationDoc(
        "A set of elements.",
        {
            "name": FieldDoc("Its name."),
            "description": FieldDoc("A comment."),
            "elements": FieldDoc("Its elements: names, or objects.", many=True),
        },
        models=ONLY_CLASSIC,
    ),
    "item-type": DestinationDoc(
        "An item type.",
        {
            "name": FieldDoc("Its name."),
            "description": FieldDoc("A comment."),
            "elements": FieldDoc("The names of its elements.", many=True),
        },
        models=ONLY_CLASSIC,
    ),
    "geolocation": DestinationDoc(
        "The place of the record's current item on a map.",
        {
            "point": FieldDoc("Latitude and longitude, as `51.5, -0.1` or collected by `value:coordinates`."),
            "label": FieldDoc("What the map shows there.", models=ONLY_S),
            "zoom": FieldDoc("The zoom of the map, from 0.", "integer", models=ONLY_CLASSIC),
            "address": FieldDoc("The address as text.", models=ONLY_CLASSIC),
        },
    ),
}

RESOURCE_KINDS: tuple[DestinationKind, ...] = ("item", "item-set", "media")

IDENTITIES: dict[DestinationKind, tuple[FieldWord, ...]] = {
    "asset": ("name",),
    "vocabulary": ("prefix",),
    "resource-template": ("label",),
    "site": ("slug",),
    "site-page": ("site", "slug"),
    "user": ("email",),
    "element-set": ("name",),
    "item-type": ("name",),
}
"""What is no resource, and by which of its names it is known again where no `match` says otherwise."""
IDENTIFYING: dict[DestinationKind, tuple[FieldWord, ...]] = {
    **IDENTITIES,
    "vocabulary": ("prefix", "namespace"),
    "site": ("slug", "title"),
    "site-page": ("site", "slug", "title"),
}
"""All the names that it may be known by."""

PSEUDO_KINDS: tuple[PseudoKind, ...] = get_args(PseudoKind)
OURS_BY_DEFAULT: frozenset[FieldWord] = frozenset({"item-set", "site", "tags", "point", "item"})
"""Names that others fill too: replacing there means what this service wrote."""

CONTENT_FIELDS: tuple[FieldWord, ...] = (
    "file",
    "url",
    "html",
    "iiif",
    "iiif-presentation",
    "oembed",
    "youtube",
    "sideload",
)
"""What a media is made of: one of these each."""

WHERE_FIELDS: tuple[FieldWord, ...] = ("item-set", "template", "class", "site", "owner")

# --- types ----------------------------------------------------------------------------------------

PLAIN_TYPES: dict[str, str] = {
    "literal": "Text; the default.",
    "html": "HTML.",
    "uri": "An address, with `label` for its text.",
    "resource": "Another resource, found by `link`; without `link` its number in the target.",
    "boolean": "true or false; `trueValue` and `falseValue` say which words mean it.",
    "integer": "A whole number.",
    "number": "A number.",
    "datetime": "A date read by the Java pattern `dateFormat`, with `timeZone` where it has a time.",
}
NUMERIC_TYPES: dict[str, str] = {
    "numeric:timestamp": "A date or time of Numeric Data Types (ISO 8601, any precision).",
    "numeric:interval": "Two of them, `start/end`.",
    "numeric:duration": "A duration, `P1Y2M`.",
    "numeric:integer": "A whole number that sorts as one.",
}
GEOGRAPHY_TYPES: dict[str, str] = {
    "geography": "A WKT geometry in longitude and latitude.",
    "geography:coordinates": "Latitude and longitude.",
    "geometry": "A WKT geometry on a flat plane.",
    "geometry:coordinates": "Coordinates on a flat plane.",
    "geometry:position": "A position on an image.",
}
OPEN_TYPES: dict[str, str] = {
    "customvocab": "A member of the custom vocabulary of that name: `customvocab:Materials`.",
    "valuesuggest": "A URI of a suggester, with `label`: `valuesuggest:lc:subjects`.",
    "valuesuggestall": "The same, of a suggester that lists all.",
}
"""Families whose members are the target's; the part behind the colon is checked there."""

LABELLED_FAMILIES = ("uri", "valuesuggest", "valuesuggestall")

# --- filters --------------------------------------------------------------------------------------

SIMPLE_FILTERS: dict[SimpleFilterName, str] = {
    "trim": "White space off both ends.",
    "collapse-space": "Runs of white space become one space; trimmed.",
    "lower": "Lower case.",
    "upper": "Upper case.",
    "strip-html": "Tags taken out, entities resolved.",
    "to-string": "A number or a boolean as its JSON text.",
    "fix-up-url": "`https://` before an address without its scheme.",
    "string-to-ref": "The number of a resource, of text.",
}
OBJECT_FILTERS: dict[str, str] = {
    "replace": "Every match of `pattern` becomes `with`.",
    "prefix": "This text before the value.",
    "suffix": "This text behind it.",
    "format": "A text with `{value}` and other keys of the context in braces.",
    "date": "A date as people write it, as EDTF, an interval or a timestamp.",
}

# --- vocabularies ---------------------------------------------------------------------------------

_DCTERMS = """
abstract accessRights accrualMethod accrualPeriodicity accrualPolicy alternative audience available
bibliographicCitation conformsTo contributor coverage created creator date dateAccepted
dateCopyrighted dateSubmitted description educationLevel extent format hasFormat hasPart hasVersion
identifier instructionalMethod isFormatOf isPartOf isReferencedBy isReplacedBy isRequiredBy issued
isVersionOf language license mediator medium modified provenance publisher references relation
replaces requires rights rightsHolder source spatial subject tableOfContents temporal title type
valid
"""
DCTERMS: frozenset[str] = frozenset(_DCTERMS.split())
"""The properties of `dcterms`, which every Omeka S has and nobody changes."""

_DCTYPES = """
Collection Dataset Event Image InteractiveResource MovingImage PhysicalObject Service Software Sound
StillImage Text
"""
DCTYPES: frozenset[str] = frozenset(_DCTYPES.split())

BUILT_IN_PREFIXES: frozenset[str] = frozenset({"dcterms", "dctype", "bibo", "foaf"})
