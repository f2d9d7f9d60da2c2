"""A planner over look-ups that a test gives, comparing as for a real Omeka S."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

from service.control.model import Control, Destination, Match, OnConflict, Term
from service.store.changes import Change, Changes
from service.store.ledger import Known, LedgerKey, LedgerRow
from service.store.ledger_parts import KnownPart
from service.store.plans import Entry
from tests.unit.targets.samples import VOCABULARY
from worker.planning.decide import meant_digest
from worker.planning.merging import Merger
from worker.planning.met import Subject
from worker.planning.planner import Planned, Planner
from worker.planning.values import Current, Meant
from worker.records import (
    Draft,
    Fields,
    Identity,
    Json,
    Kind,
    Link,
    Mapped,
    Problem,
    Property,
    Sought,
    Value,
)
from worker.targets.base import LinkTarget, Resolver, Saved
from worker.targets.omeka_s import compare, files
from worker.targets.omeka_s.representation import PATHS, saved_from
from worker.targets.omeka_s.updates import current_of, meant_of
from worker.targets.omeka_s.vocabulary import Vocabulary

BY = ("dcterms:identifier",)
THEN, NOW = "2026-11-22 10:00:00", "2026-11-23 09:30:00"
"""When this service wrote a resource, and when somebody touched it afterwards."""


def identity(value: str) -> Identity:
    return Identity("tate", BY, (value,))


def item(value: str | None = "A1", title: str = "One", ordinal: int = 0, **more: Any) -> Draft:
    return Draft(
        "item",
        "item",
        ordinal,
        identity=identity(value) if value else None,
        properties=(Property("dcterms:title", (Value(text=title),)), *more.pop("properties", ())),
        **more,
    )


def loading(value: str = "A1", *properties: Property, action: Any = "load", **more: Any) -> Draft:
    """A draft that is about a resource which is there already."""
    return Draft("item", "item", 0, action=action, identity=identity(value), properties=properties, **more)


def link_to(value: str, term: str = "dcterms:relation", **more: Any) -> Property:
    """A property that links to the item of an identifier."""
    link = Link("item", "tate", BY, (value,), "/instructions/5", **more)
    return Property(term, (Value("resource", link=link),), pointer="/instructions/5")


def sought(value: str) -> Sought:
    """What such a link seeks."""
    return Sought("item", Identity("tate", BY, (value,)))


def text(term: str, *texts: str, **policy: Any) -> Property:
    return Property(term, tuple(Value(text=one) for one in texts), **policy)


def record(*drafts: Draft, row: int = 1, problems: tuple[Problem, ...] = ()) -> Mapped:
    return Mapped("data0", row, drafts, problems)


# --- what stands in the target --------------------------------------------------------------------


def representation(
    number: int, values: Mapping[str, Sequence[Any]], kind: Kind = "item", modified: str = THEN, **body: Any
) -> dict[str, Any]:
    """JSON as Omeka S gives it. A value is its text, or JSON of which the property is left out."""
    properties = {
        term: [
            {"type": "literal", "property_id": VOCABULARY.properties[term], "is_public": True}
            | ({"@value": one} if isinstance(one, str) else one)
            for one in several
        ]
        for term, several in values.items()
    }
    title = values.get("dcterms:title", [None])[0]
    return {
        "@id": f"https://omeka.example.org/api/{PATHS[kind]}/{number}",
        "o:id": number,
        "o:is_public": True,
        "o:title": title if isinstance(title, str) else None,
        "o:modified": {"@value": f"{modified.replace(' ', 'T')}+00:00"},
        "o:item_set": [],
        "o:media": [],
        "o:site": [],
        **body,
        **properties,
    }


def standing(
    number: int, values: Mapping[str, Sequence[Any]], kind: Kind = "item", modified: str = THEN, **body: Any
) -> Saved:
    return saved_from(representation(number, values, kind, modified, **body), kind)


class OmekaS:
    """The comparing part of an adapter of Omeka S."""

    def __init__(self, vocabulary: Vocabulary = VOCABULARY) -> None:
        self._vocabulary = vocabulary

    def current(self, saved: Saved) -> Current:
        return current_of(saved, self._vocabulary)

    def meant(self, draft: Draft, links: Mapping[Sought, LinkTarget], current: Current | None) -> Meant:
        return meant_of(draft, links, self._vocabulary, current)

    def saved(self, representation: bytes, kind: Kind) -> Saved:
        body: Json = orjson.loads(representation)
        return saved_from(body, kind)

    def bears(self, saved: Saved, identity: Identity) -> bool:
        return compare.bears(saved, identity)

    def restorable(self, media: Saved) -> bool:
        return media.body.get("o:ingester") == "html"

    def told_apart(self, media: Saved) -> tuple[str, str]:
        return files.told_apart(media)

    def left_out(self, draft: Draft) -> bool:
        return False


class Resolves:
    """A target that knows every name, but the class `foaf:Nobody`."""

    has_map = True

    def expect(self, draft: Draft) -> Draft:
        return draft

    def problems(self, draft: Draft) -> tuple[Problem, ...]:
        if draft.fields.resource_class == "foaf:Nobody":
            return (Problem("reject", "class-unknown", "There is no class foaf:Nobody."),)
        return ()

    def custom_vocabulary(self, label: str) -> None:
        return None

    def template(self, name: str) -> None:
        return None

    def data_type(self, name: str) -> str:
        return name


class Given:
    """Look-ups that a test gives: ledger, survey, the plan so far, and the target itself."""

    def __init__(self) -> None:
        self.ledger: dict[tuple[Kind, str, str, str], LedgerRow] = {}
        """By kind, scope, `by` and digest."""
        self.surveyed: dict[tuple[str, ...], dict[str, list[int]]] = {}
        """By properties, then digest."""
        self.entries: dict[tuple[str, str, str, str], Entry] = {}
        self.listings: dict[Kind, dict[int, str]] = {}
        self.resources: dict[tuple[Kind, int], Saved] = {}
        self.media: list[KnownPart] = []
        self.calls: list[str] = []
        self.confirmed: list[tuple[Kind, tuple[int, ...]]] = []

    # --- what a test gives ------------------------------------------------------------------------

    def stands(self, saved: Saved) -> Saved:
        """It stands in the target."""
        self.resources[saved.kind, saved.id] = saved
        self.listings.setdefault(saved.kind, {})[saved.id] = saved.modified
        return saved

    def bears(self, value: str, *ids: int, by: tuple[str, ...] = BY) -> None:
        """The survey met these under an identifier."""
        self.surveyed.setdefault(by, {})[identity(value).digest] = list(ids)

    def wrote(self, draft: Draft, saved: Saved, **more: Any) -> None:
        """An earlier run wrote the draft, the target answered `saved`, and it stands so."""
        assert draft.identity is not None
        one = draft.identity
        self.stands(saved)
        row = LedgerRow(
            key=LedgerKey("omeka", draft.kind, one.scope, one.by_text),
            key_digest=one.digest,
            identifier=one.shown,
            resource_id=saved.id,
            meant=meant_digest(draft),
            saved=orjson.dumps(saved.body),
            modified=saved.modified,
            run_id="earlier",
            operation_key="1.1",
        )
        self.ledger[draft.kind, one.scope, one.by_text, one.digest] = msgspec.structs.replace(row, **more)

    def added(self, number: int, media: Draft, saved: Saved, **more: Any) -> None:
        """An earlier run added the media, which has no identity of its own, to an item."""
        assert media.source is not None
        self.stands(saved)
        known = Known(
            f"{saved.id:064}", media.source.name, saved.id, meant_digest(media), saved.modified, **more
        )
        self.media.append(KnownPart(number, "tate", media.source.digest, known))

    def gone(self, kind: Kind, number: int) -> None:
        """Somebody has deleted it."""
        self.resources.pop((kind, number), None)
        self.listings.get(kind, {}).pop(number, None)

    def planned_before(self, *entries: Entry) -> None:
        """Entries of earlier chunks."""
        for one in reversed(entries):
            if one.key_digest is not None and one.action != "reject":
                self.entries[one.kind, one.scope or "", one.by or "", one.key_digest] = one

    # --- LookUps ----------------------------------------------------------------------------------

    def known(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, Known]:
        self.calls.append("known")
        return {
            digest: Known(
                digest,
                row.identifier,
                row.resource_id,
                row.meant,
                row.modified,
                row.media_meant,
                row.linked,
                row.withdrawn,
            )
            for digest, row in self._rows(subject, digests)
        }

    def rows(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, LedgerRow]:
        self.calls.append("rows")
        return dict(self._rows(subject, digests))

    def _rows(self, subject: Subject, digests: Sequence[str]) -> list[tuple[str, LedgerRow]]:
        keys = [(subject.kind, subject.scope, subject.by_text, digest) for digest in digests]
        return [(key[3], self.ledger[key]) for key in keys if key in self.ledger]

    def parts(self, items: Sequence[int]) -> Sequence[KnownPart]:
        self.calls.append("parts")
        return [one for one in self.media if one.item in items]

    def bearers(self, subject: Subject, digests: Sequence[str]) -> Mapping[str, Sequence[int]]:
        self.calls.append("bearers")
        found = dict(self.surveyed.get(subject.by, {}))
        if subject.any_scope:
            for (kind, _, by, digest), row in self.ledger.items():
                if (kind, by) == (subject.kind, subject.by_text):
                    found[digest] = [*found.get(digest, ()), row.resource_id]
        return {digest: found[digest] for digest in digests if digest in found}

    def planned(self, digests: Sequence[str]) -> Mapping[tuple[str, str, str, str], Entry]:
        self.calls.append("planned")
        return {key: entry for key, entry in self.entries.items() if key[3] in digests}

    def listing(self, kind: Kind) -> Mapping[int, str]:
        return self.listings.get(kind, {})

    def current(self, kind: Kind, ids: Sequence[int]) -> Mapping[int, Saved]:
        self.calls.append(f"current {kind}")
        return {one: self.resources[kind, one] for one in ids if (kind, one) in self.resources}

    def afresh(self, kind: Kind, ids: Sequence[int]) -> Mapping[int, Saved]:
        return self.current(kind, ids)

    def confirm_gone(self, kind: Kind, ids: Sequence[int]) -> None:
        self.confirmed.append((kind, tuple(ids)))


# --- planning -------------------------------------------------------------------------------------


def match_item(**policy: Any) -> Match:
    return Match(Destination("item", "item"), (Term("dcterms:identifier"),), scope="tate", **policy)


def planner(
    given: Given,
    match: Match | None = None,
    on_conflict: OnConflict = "overwrite",
    resolver: Resolver | None = None,
    **control: Any,
) -> Planner:
    made = Control(
        1,
        "omeka",
        (),
        (),
        match={"item": match or match_item()},
        **{"visibility": "public", "sites": ("main",), **control},
    )
    return Planner(made, resolver or Resolves(), given, Merger(OmekaS(), on_conflict))


def planned(given: Given, *records: Mapped, **more: Any) -> Planned:
    return planner(given, **more).plan(records)


def plan(given: Given, *records: Mapped, **more: Any) -> list[Entry]:
    return planned(given, *records, **more).entries


def changes_of(entry: Entry) -> tuple[Change, ...]:
    assert entry.changes is not None
    return msgspec.json.decode(entry.changes, type=Changes).changes


def draft_of(entry: Entry) -> Draft:
    assert entry.draft is not None
    return msgspec.json.decode(entry.draft, type=Draft)


def problems_of(entry: Entry) -> list[Problem]:
    return msgspec.json.decode(entry.problems, type=list[Problem]) if entry.problems else []


def created(draft: Draft) -> Draft:
    """A new draft as the plan keeps it: with what the control file says of created resources."""
    return msgspec.structs.replace(draft, fields=Fields(public=True, sites=("main",)))
