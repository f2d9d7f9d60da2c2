"""A site full of things that no control file names, the people who work in it, and imports drawn at random.

`Site` is the stand-in with its second editor. `Order` is one import: a control file and its records, small
enough to be shown when a law is broken. What an order makes of a name is told here a second time
(`expected`), in the few lines that the manual has for it, so that the program can be compared with it.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeAlias

import httpx2
from hypothesis import strategies as st

from tests.acceptance.pictures import jpeg
from tests.standins.omeka_s import StandIn

Json: TypeAlias = Any
Content: TypeAlias = tuple[str, str, str]
"""A value without visibility and annotation: type, language, and its text, address or number."""

NAMES = ["K0", "K1", "K2", "K6", "K7"]
"""Identities that records may have. K6 and K7 stand on the site before the first import."""
IDENTITY = re.compile(r"K\d+")
SUBJECTS = ["ash", "birch", "cedar"]
NUMBERS = {"dcterms:title": 1, "dcterms:subject": 3, "dcterms:description": 4, "dcterms:identifier": 10}
NUMBERS |= {"dcterms:relation": 13, "dcterms:creator": 2, "bibo:number": 107, "dcterms:medium": 26}
UNNAMED = ("dcterms:creator", "bibo:number")
"""Properties that no order ever speaks of."""
START = 1_800_000_000


class _Brief:
    """Shown by what is not usual of it, so that a failing history can be read."""

    def __repr__(self) -> str:
        said = [(one.name, getattr(self, one.name), one.default) for one in fields(self)]  # type: ignore[arg-type]
        parts = (f"{name}={value!r}" for name, value, usual in said if value != usual)
        return f"{type(self).__name__}({', '.join(parts)})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))


# --- the site -------------------------------------------------------------------------------------


def literal(term: str, text: str, **more: Json) -> Json:
    return {"type": "literal", "property_id": NUMBERS[term], "is_public": True, "@value": text} | more


def _bystander(name: str, **more: Json) -> Json:
    """An item that somebody made: private and annotated values, class, sets, sites, what a module added."""
    note = {"dcterms:creator": [literal("dcterms:creator", f"said of {name}", is_public=False)]}
    return {
        "dcterms:title": [literal("dcterms:title", f"Found {name}", is_public=False)],
        "dcterms:identifier": [literal("dcterms:identifier", name, **{"@annotation": note})],
        "dcterms:subject": [literal("dcterms:subject", "ash", is_public=False)],
        "dcterms:creator": [
            literal("dcterms:creator", "a", **{"@language": "de"}),
            {
                "type": "uri",
                "property_id": 2,
                "is_public": False,
                "@id": f"http://x/{name}",
                "o:label": "x",
                "@annotation": note,
            },
        ],
        "bibo:number": [{"type": "numeric:integer", "property_id": 107, "is_public": True, "@value": 7}],
        "o:resource_class": {"o:id": 26},
        "o:thumbnail": {"o:id": 1},
        "o-module-mapping:marker": {"o:id": 99, "of": name},
        **more,
    }


class Place(Protocol):
    """A site of any kind, which tells everything in the terms of Omeka S."""

    def close(self) -> None: ...

    def tick(self) -> None:
        """Time goes on: what happens next is not in the same second."""

    def dump(self) -> State:
        """Everything that stands there."""

    def edit(self, edit: Edit) -> None:
        """What a person or another program does."""


class Site:
    """The stand-in, what stands in it from the beginning, and the second editor's hands."""

    def __init__(self, omeka: StandIn) -> None:
        self.omeka = omeka
        self.now = START
        omeka.restart()
        omeka.knobs(clock=START, modules=["NumericDataTypes"])
        omeka.seed(
            item_sets=[{"dcterms:title": [literal("dcterms:title", name)]} for name in ("Set A", "Set B")],
            sites=[{"o:slug": slug, "o:title": slug} for slug in ("main", "other")],
            resource_templates=[{"o:label": "Artwork"}],
            assets=[{"o:name": "logo", "o:filename": "abc.png", "o:media_type": "image/png"}],
        )
        made = omeka.seed(
            [
                _bystander("K6", **{"o:item_set": [{"o:id": 1}], "o:site": [{"o:id": 1}]}),
                _bystander("K7", **{"o:is_public": False, "o:item_set": [{"o:id": 2}]}),
                # Known by nobody: Omeka's own search would take it for K1.
                _bystander("k1"),
            ]
        )["items"]
        omeka.seed(
            media=[
                {
                    "o:item": {"o:id": number},
                    "o:ingester": "html",
                    "o:renderer": "html",
                    "o:alt_text": "kept",
                    "data": {"html": f"<p>{number}</p>"},
                    "dcterms:title": [literal("dcterms:title", "A media of text", is_public=False)],
                }
                for number in made
            ]
        )
        self._client = httpx2.Client(params=omeka.key, timeout=30.0, verify=False)

    def close(self) -> None:
        self._client.close()

    def tick(self) -> None:
        """Time goes on: what happens next is not in the same second."""
        self.now += 2
        self.omeka.knobs(clock=self.now)

    def dump(self) -> State:
        return State(_own(self.omeka.dump()))

    def edit(self, edit: Edit) -> None:
        """What a person or another program does: read, change, send all values back."""
        item = self.dump().named(edit.name)
        if item is None:
            return
        number = item["o:id"]
        if edit.deed == "delete":
            assert self._client.delete(f"{self.omeka.api}/items/{number}").status_code == 200
            return
        if edit.deed == "hide":
            body: Json = {"o:is_public": not item["o:is_public"]}
        elif edit.deed == "sets":
            body = {"o:item_set": [{"o:id": int(edit.text) if edit.text.isdecimal() else 2}]}
        else:
            body = _edited(item, edit)
        answer = self._client.patch(f"{self.omeka.api}/items/{number}", json=body)
        assert answer.status_code == 200, answer.text


_OF_OTHERS = {"display_title", "thumbnail_url", "thumbnail_title", "thumbnail_type"}
"""What a value shows of the resource that it links to."""


def _own(shown: Json) -> Json:
    match shown:
        case dict():
            return {key: _own(value) for key, value in shown.items() if key not in _OF_OTHERS}
        case list():
            return [_own(one) for one in shown]
    return shown


def _edited(item: Json, edit: Edit) -> Json:
    values = {term: list(several) for term, several in property_values(item).items()}
    present = values.setdefault(edit.term, [])
    new = literal(edit.term, edit.text)
    match edit.deed:
        case "add":
            present.append(new)
        case "change":
            present[:1] = [new]
        case "remove":
            del present[:1]
        case "private":
            present[:1] = [{**one, "is_public": not one["is_public"]} for one in present[:1]]
        case "annotate":
            note = {"dcterms:creator": [literal("dcterms:creator", edit.text)]}
            present[:1] = [{**one, "@annotation": note} for one in present[:1]]
        case _:
            raise AssertionError(edit.deed)
    return values


@dataclass(frozen=True, repr=False)
class Edit(_Brief):
    """What the second editor does to the item of an identity."""

    name: str
    deed: str
    term: str
    text: str


@dataclass(frozen=True)
class State:
    """A dump of the whole site."""

    tables: Json

    @property
    def items(self) -> list[Json]:
        return list(self.tables["items"])

    def named(self, name: str) -> Json | None:
        """The item that bears this identity, exactly."""
        for item in self.items:
            if any(one.get("@value") == name for one in item.get("dcterms:identifier", ())):
                return item
        return None

    def numbers(self) -> dict[int, str]:
        """The items that bear an identity, which records may have."""
        found = {}
        for item in self.items:
            for one in item.get("dcterms:identifier", ()):
                if IDENTITY.fullmatch(str(one.get("@value"))):
                    found[item["o:id"]] = str(one["@value"])
        return found


def property_values(body: Json) -> dict[str, list[Json]]:
    """The values of a representation by term."""
    return {
        key: value
        for key, value in body.items()
        if isinstance(value, list) and value and isinstance(value[0], dict) and "property_id" in value[0]
    }


def content(value: Json) -> Content:
    main = value.get("value_resource_id", value.get("@id", value.get("@value")))
    kind = "resource" if "value_resource_id" in value else value["type"]
    return kind, value.get("@language") or "", str(main)


def contents(item: Json | None, term: str) -> Counter[Content]:
    return Counter(map(content, item.get(term, ()) if item else ()))


# --- an import ------------------------------------------------------------------------------------

SCAN_FILES: Json = {"scans/**": {"read": "attachment", "required": False}}
SCANS: Json = [
    {
        "action": "for-each",
        "source": "scans",
        "instructions": [
            {"action": "new", "destination": "media"},
            {"source": "file", "destination": "media", "name": "file"},
        ],
    }
]
SCANS_OF_S: Json = [
    {
        **SCANS[0],
        "instructions": [
            *SCANS[0]["instructions"],
            {"source": "first", "destination": "media", "name": "primary"},
        ],
    },
    {"source": "cover", "name": "thumbnail", "findBy": "path"},
]
"""With what Omeka S alone has: a primary media, and a file for a thumbnail."""


@dataclass(frozen=True, repr=False)
class Row(_Brief):
    """One record. `subjects`: texts; `german`: the same with a language; `addresses`: as URIs."""

    name: str
    title: str
    subjects: tuple[str, ...] = ()
    german: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    description: str = ""
    see: tuple[str, ...] = ()
    fate: str = "kept"
    """`kept`; `gone`: the record says that its resource is to be deleted; `bad`: it cannot be written."""
    scans: tuple[tuple[str, int], ...] = ()
    """Its files in order: a letter, and which version of the file that is."""
    primary: str = ""
    """The letter of the one that is to be its primary media; "" for none."""
    cover: str = ""
    """The letter of the one that is to be its thumbnail too."""

    @property
    def data(self) -> Json:
        title: Json = {"not": "a text"} if self.fate == "bad" else self.title
        found: Json = {"no": self.name, "title": title, "description": self.description, "see": self.see}
        found |= {"subjects": self.subjects, "german": self.german, "addresses": self.addresses}
        if self.scans:
            found["scans"] = [
                {"file": self.file(letter), "first": "yes" if letter == self.primary else ""}
                for letter, _ in self.scans
            ]
        if self.cover:
            found["cover"] = f"scans/{self.file(self.cover)}"
        return found | ({"gone": "yes"} if self.fate == "gone" else {})

    def file(self, letter: str) -> str:
        return f"{self.name}-{letter}.jpg"

    def content(self, letter: str, version: int) -> bytes:
        return jpeg(f"{self.name} {letter} {version}")

    @property
    def thumbnail(self) -> str:
        """What the asset is called that is made of its cover."""
        return f"thumbnail-{dict(self.shown)[self.file(self.cover)]}"

    @property
    def shown(self) -> list[tuple[str, str]]:
        """(name, SHA-256) of its files."""
        return [
            (self.file(letter), hashlib.sha256(self.content(letter, version)).hexdigest())
            for letter, version in self.scans
        ]


@dataclass(frozen=True, repr=False)
class Order(_Brief):
    """One import."""

    rows: tuple[Row, ...]
    on_update: str = "replace"
    of: str = "all"
    """What becomes of present subjects."""
    links: str = "replace"
    """What becomes of present links."""
    on_conflict: str = "overwrite"
    absent: str = "keep"
    describes: bool = True
    """Whether the description is named; blank, it is cleared."""
    medium: bool = False
    """Whether a medium is named: a constant, private."""

    @property
    def names(self) -> Json:
        """The instructions that name what is written of a record."""
        subject = self.subject
        named: list[Json] = [
            {"source": "title", "name": "dcterms:title"},
            {"source": "subjects", **subject},
            {"source": "german", "language": "de", **subject},
            {"source": "addresses", "type": "uri", **subject},
            {
                "source": "see",
                "name": "dcterms:relation",
                "multivalue": True,
                "link": {"to": "item"},
                "onError": "drop",
                "onUpdate": self.links,
            },
        ]
        if self.describes:
            named.append({"source": "description", "name": "dcterms:description", "blank": "clear"})
        if self.medium:
            medium = {"name": "dcterms:medium", "value": "oil", "public": False}
            named.append({"action": "set-value", **medium})
        return named

    @property
    def subject(self) -> Json:
        """What is said of each source of subjects."""
        subject = {"name": "dcterms:subject", "multivalue": True, "onUpdate": self.on_update}
        return subject | ({"of": self.of} if self.on_update == "replace" else {})

    @property
    def of_target(self) -> Json:
        """What a control file says for its target alone."""
        return {"model": "omeka-s" if self.has_scans else "omeka", "sites": []}

    @property
    def control(self) -> Json:
        match = {"source": "no", "by": "dcterms:identifier", "scope": "machine", "absent": self.absent}
        return {
            "dataImportControlFileVersion": 1,
            **self.of_target,
            "visibility": "public",
            "match": {"item": match},
            "files": {"data0": {"read": "json"}} | (SCAN_FILES if self.has_scans else {}),
            "onConflict": self.on_conflict,
            "maxErrors": "100%",
            "maxRemovals": "100%",
            "instructions": [
                {
                    "action": "if-exists",
                    "source": "gone",
                    "then": [{"action": "load"}, {"action": "delete"}],
                    "else": [{"action": "new"}, *self.names, *(self.scans if self.has_scans else [])],
                }
            ],
        }

    @property
    def scans(self) -> Json:
        """The instructions that name the files of a record."""
        return SCANS_OF_S

    @property
    def has_scans(self) -> bool:
        return any(row.scans for row in self.rows)

    @property
    def files(self) -> dict[str, Json]:
        """Documents, and the bytes of scans."""
        scans = {
            f"scans/{row.file(letter)}": row.content(letter, version)
            for row in self.rows
            for letter, version in row.scans
        }
        return {"data0": [row.data for row in self.rows], **scans}

    def has_media(self, name: str | None) -> bool:
        """Whether a record of this identity brings media."""
        return any(row.name == name and row.scans for row in self.rows)

    @property
    def named(self) -> set[str]:
        """Every key of a representation that a record of this order may change."""
        terms = {"dcterms:title", "dcterms:subject", "dcterms:relation", "dcterms:identifier"}
        terms |= {"dcterms:description"} if self.describes else set()
        return terms | ({"dcterms:medium"} if self.medium else set())

    @property
    def hidden(self) -> set[str]:
        """Of those, what is written as private."""
        return {"dcterms:medium"}

    def wishes(self, row: Row, numbers: Mapping[str, int]) -> dict[str, list[Content] | None]:
        """Term → what the record means; None: it says nothing. `numbers`: what its links can lead to."""
        subjects = [("literal", "", one) for one in row.subjects]
        subjects += [("literal", "de", one) for one in row.german]
        subjects += [("uri", "", one) for one in row.addresses]
        links = [("resource", "", str(numbers[one])) for one in row.see if one in numbers]
        return {
            "dcterms:title": [("literal", "", row.title)],
            "dcterms:subject": subjects or None,
            "dcterms:relation": links or None,
            "dcterms:description": [("literal", "", row.description)] if row.description else [],
            "dcterms:medium": [("literal", "", "oil")],
        }

    def policy(self, term: str) -> tuple[str, str]:
        if term == "dcterms:subject":
            return self.on_update, self.of if self.on_update == "replace" else "all"
        return (self.links, "all") if term == "dcterms:relation" else ("replace", "all")


def expected(
    policy: tuple[str, str], present: Counter[Content], wishes: Sequence[Content], ours: set[Content]
) -> Counter[Content]:
    """What becomes of a name that nobody else has edited, as the manual says it."""
    on_update, of = policy
    wanted = Counter(wishes)
    match on_update:
        case "append":
            return present | wanted
        case "remove":
            return Counter({one: n for one, n in present.items() if one not in wanted})
        case "keep":
            return present or wanted
    within = {
        "all": lambda one: True,
        "language": lambda one: one[1] in {wish[1] for wish in wishes},
        "type": lambda one: one[0] in {wish[0] for wish in wishes},
        "ours": lambda one: one in ours,
    }[of]
    outside = Counter({one: n for one, n in present.items() if not within(one)})
    # What stands beside the scope already is not written a second time.
    return outside | wanted


# --- drawn at random ------------------------------------------------------------------------------


def _some(words: Sequence[str], most: int) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(words), max_size=most, unique=True).map(tuple)


@st.composite
def orders(draw: st.DrawFn) -> Order:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    absent = draw(st.sampled_from(["keep", "keep", "keep", "delete", "unpublish"]))
    fates = draw(st.lists(st.integers(0, 9), min_size=len(names), max_size=len(names)))
    # What an import deletes is nothing that one of its records links to.
    deleted = {name for name, fate in zip(names, fates, strict=True) if fate == 1}
    linked = [name for name in (names if absent == "delete" else NAMES) if name not in deleted]
    rows = tuple(
        Row(
            name,
            draw(st.sampled_from(["One", "Two"])),
            draw(_some(SUBJECTS, 2)),
            draw(_some(SUBJECTS, 1)),
            draw(_some([f"http://x/{one}" for one in SUBJECTS], 1)),
            draw(st.sampled_from(["", "long", "longer"])),
            draw(_some(linked, 2)) if linked else (),
            {0: "bad", 1: "gone"}.get(fate, "kept"),
        )
        for name, fate in zip(names, fates, strict=True)
    )
    on_update = draw(st.sampled_from(["replace", "replace", "append", "remove", "keep"]))
    return Order(
        rows,
        on_update,
        draw(st.sampled_from(["all", "language", "type", "ours"])) if on_update == "replace" else "all",
        draw(st.sampled_from(["replace", "append"])),
        draw(st.sampled_from(["overwrite", "overwrite", "keep"])),
        absent,
        draw(st.booleans()),
        draw(st.booleans()),
    )


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    deed = draw(
        st.sampled_from(
            ["add", "add", "change", "remove", "private", "annotate", "hide", "sets", "add", "delete"]
        )
    )
    term = draw(st.sampled_from([*UNNAMED, "dcterms:subject", "dcterms:subject", "dcterms:description"]))
    return Edit(draw(st.sampled_from(NAMES)), deed, term, draw(st.sampled_from(["mine", "ours", "ash"])))
