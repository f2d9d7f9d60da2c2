"""Omeka Classic as a target: the `Adapter` that executor and planner speak to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence

import msgspec
import orjson

from service.control.model import FieldWord
from service.control.names_used import NamesUsed
from service.control.target_model import TargetKind, TargetModel
from service.settings import TargetSettings
from worker.attachments.contents import Contents
from worker.attachments.rules import FileRules
from worker.errors import Fatal
from worker.planning.merge import Merge
from worker.planning.values import Current, Meant
from worker.records import Content, Draft, Identity, Kind, MediaSource, Place, Sought, normal_identity
from worker.targets.base import (
    Answer,
    Difference,
    Linking,
    LinkTarget,
    Operation,
    Original,
    Saved,
    SiteFacts,
    Surveyed,
    SurveyPage,
    SurveySubject,
)
from worker.targets.decoding import decode
from worker.targets.file_types import file_rules
from worker.targets.http import Outcome, TargetHttp
from worker.targets.omeka_classic import (
    compare,
    files,
    payloads,
    places,
    restoring,
    series,
    structure,
    structure_payloads,
    surveying,
    updates,
)
from worker.targets.omeka_classic.answers import proof
from worker.targets.omeka_classic.checking import Allowed
from worker.targets.omeka_classic.client import NEWEST_FIRST, ClassicClient
from worker.targets.omeka_classic.modelling import list_model
from worker.targets.omeka_classic.representation import MEDIA, PATHS, SHA256, reference, saved_from
from worker.targets.omeka_classic.resolving import NamesResolver, list_coming, resolve, with_labels
from worker.targets.omeka_classic.vocabulary import Vocabulary, number_of
from worker.targets.omeka_classic.writing import Writer


class OmekaClassicAdapter:
    """See `worker.targets.base.Adapter`. `name` is the target's name in the settings."""

    group_size = 1
    kind: TargetKind = "omeka-classic"

    def __init__(
        self, name: str, settings: TargetSettings, http: TargetHttp, contents: Contents | None = None
    ) -> None:
        """`contents`: the bytes of files to be sent; None: none are."""
        self._name = name
        self._contents = contents
        self._settings = settings
        self._http = http
        self._client = ClassicClient(http, method_override=settings.method_override)
        self._writer = Writer(self._client, contents)
        self._listings = surveying.Listings(self._client)
        self._names = NamesUsed()
        self._vocabulary = Vocabulary()
        self._prepared = False
        self._bearing: defaultdict[SurveySubject, set[int]] = defaultdict(set)
        self._barren: defaultdict[SurveySubject, set[int]] = defaultdict(set)

    @property
    def requests(self) -> int:
        return self._http.requests

    @property
    def bytes_sent(self) -> int:
        return self._http.bytes_sent

    @property
    def file_rules(self) -> FileRules:
        """No file travels with its item: each is a request of its own."""
        rules = file_rules(self._settings)
        return msgspec.structs.replace(rules, inline_files=0, inline_bytes=0, needs_extension=True)

    # --- preflight --------------------------------------------------------------------------------

    async def prove(self) -> SiteFacts:
        """One request: a wrong key is refused whatever is asked for (`056`)."""
        return await self._http.read("site", (), self._proof)

    def _proof(self, outcome: Outcome) -> SiteFacts:
        try:
            body = proof(outcome)
        except Fatal as error:
            raise Fatal(error.code, f"{self._settings.site}: {error.message}") from error
        assert isinstance(body, dict), "it was looked at"
        return SiteFacts(address=self._settings.site, version=str(body["omeka_version"]), user="")

    async def resolve(self, names: NamesUsed) -> NamesResolver:
        self._names = names
        self._client.places = names.places is not None
        resolver = await resolve(self._client, names, Allowed(self._settings.wide_characters))
        self._vocabulary = resolver.vocabulary
        return resolver

    async def settle_names(self, *, anew: bool) -> None:
        self._vocabulary.coming.clear()
        if anew:
            self._vocabulary = await list_coming(self._client, self._names, self._vocabulary)

    async def model(self) -> TargetModel:
        return await list_model(self._client, self._name)

    async def prepare_updates(self) -> None:
        if not self._prepared:
            self._vocabulary = await with_labels(self._client, self._vocabulary)
            self._prepared = True

    # --- writing ----------------------------------------------------------------------------------

    def create_payload(
        self, draft: Draft, inline: Sequence[Draft], links: Mapping[Sought, LinkTarget], item_id: int | None
    ) -> bytes:
        if inline:
            raise ValueError("no file travels with its item")
        if draft.kind in structure.KINDS:
            return structure_payloads.create_body(draft, self._vocabulary)
        return payloads.create_body(draft, item_id, self._vocabulary)

    def current(self, saved: Saved) -> Current:
        if saved.kind in structure.KINDS:
            return structure.current_of(saved)
        return updates.current_of(saved, self._vocabulary)

    def meant(self, draft: Draft, links: Mapping[Sought, LinkTarget], current: Current | None) -> Meant:
        if draft.kind in structure.KINDS:
            return structure.meant_of(draft, current)
        return updates.meant_of(draft, self._vocabulary, current)

    def update_payload(self, current: Current, merge: Merge) -> bytes:
        if current.kind in structure.KINDS:
            return structure_payloads.update_body(current, merge, self._vocabulary)
        return updates.update_payload(current, merge)

    def restore_payload(
        self,
        image: bytes,
        kind: Kind,
        current: Saved,
        numbers: Mapping[int, int],
        without: Collection[int],
    ) -> bytes | None:
        if kind in structure.KINDS:
            return structure_payloads.restore_body(image, current)
        return restoring.restore_body(image, kind, current, numbers, without)

    def with_order(self, image: bytes, media: Sequence[int]) -> bytes:
        return restoring.with_order(image, media)

    def recreate_payload(
        self,
        image: bytes,
        kind: Kind,
        media: Sequence[bytes],
        numbers: Mapping[int, int],
        without: Collection[int],
        place: int = 0,
    ) -> bytes:
        if kind == "media":
            return restoring.recreate_file_body(image, numbers, place)
        return restoring.recreate_body(image, kind, media, numbers, without)

    def relink_payload(
        self,
        current: Saved,
        values: Sequence[Linking],
        sets: Collection[int],
        numbers: Mapping[int, int],
        order: Sequence[int] = (),
        primary: int = 0,
        own: Saved | None = None,
    ) -> bytes | None:
        return restoring.relink_body(current, sets, numbers, order, own)

    def order_payload(self, media: Sequence[int], primary: int = 0) -> bytes:
        assert not primary, "a record that names one is refused"
        return orjson.dumps({MEDIA: list(media)})

    def left_out(self, draft: Draft) -> bool:
        return isinstance(draft.fields.geolocation, Place)

    def comes_after(self, saved: Saved) -> bool:
        return places.place_in(saved.body) is not None

    def stamped(self, kind: Kind) -> bool:
        return kind != "item" or self._client.places is False

    def unstamped(self, saved: Saved) -> str | None:
        if saved.kind != "item" or places.PLACE not in saved.body:
            return None
        place = places.place_in(saved.body)
        return places.content(place) if place is not None else ""

    async def carry_out(self, group: Sequence[Operation]) -> Sequence[Answer]:
        if len(group) > self.group_size:
            raise ValueError(f"Omeka Classic takes {self.group_size} operation at a time")
        return [await self._writer.carry_out(operation) for operation in group]

    # --- what belongs together --------------------------------------------------------------------

    async def members(self, item_set: int) -> Sequence[int]:
        entries = await self._client.all("items", (("collection", item_set),))
        return [number_of(one) for one in entries if reference(one, "collection") == item_set]

    def linked_in(self, image: bytes, kind: Kind) -> frozenset[int]:
        return frozenset(series.key("item-set", one) for one in self.memberships(self.saved(image, kind)))

    def memberships(self, saved: Saved) -> Sequence[int]:
        found = reference(saved.body, "collection")
        return () if found is None else (found,)

    async def with_media(self, saved: Saved) -> Saved:
        return await self._client.with_files(saved) if saved.kind == "item" else saved

    def key(self, kind: Kind, number: int) -> int:
        return series.key(kind, number)

    def number(self, key: int, kind: Kind) -> int | None:
        return series.number(key, kind)

    def with_digest(self, media: Saved, digest: str) -> Saved:
        return saved_from({**media.body, SHA256: digest}, media.kind)

    def told_name(self, source: MediaSource) -> str:
        return source.name.rpartition("/")[2] if source.ingester == "upload" else source.name

    def is_content(self, content: Content, told: str) -> bool:
        return files.is_content(content, told, self._contents)

    def restorable(self, media: Saved) -> bool:
        return files.original(media) is not None

    def item_of(self, media: Saved) -> int | None:
        return reference(media.body, "item")

    def original(self, media: Saved) -> Original | None:
        return files.original(media)

    def told_apart(self, media: Saved) -> tuple[str, str]:
        return files.told_apart(media)

    def linking(self, saved: Saved) -> frozenset[int]:
        return frozenset()  # texts link to nothing

    def values_linking(self, saved: Saved, to: int) -> Sequence[Linking]:
        return ()

    def linked(self, saved: Saved) -> frozenset[int]:
        return frozenset()

    # --- reading ----------------------------------------------------------------------------------

    async def highest_id(self, kind: Kind) -> int:
        if kind in structure.KINDS:
            return max(await structure.everything(self._client, kind), default=0)
        page = await self._client.page(self._path(kind), NEWEST_FIRST, size=1)
        return max(map(number_of, page.entries), default=0)

    async def listing(self, kind: Kind) -> Mapping[int, str]:
        self._path(kind)
        if kind in structure.KINDS:
            return {one.id: one.modified for one in (await structure.everything(self._client, kind)).values()}
        return await self._listings.everything(kind)

    async def ids_above(self, kind: Kind, above: int) -> Sequence[int]:
        if kind in structure.KINDS:
            return sorted(one for one in await structure.everything(self._client, kind) if one > above)
        return await surveying.ids_above(self._client, kind, above)

    async def read(self, kind: Kind, ids: Sequence[int]) -> Sequence[Saved]:
        if kind in structure.KINDS:
            there = await structure.everything(self._client, kind) if ids else {}
            return [there[number] for number in dict.fromkeys(ids) if number in there]
        return await self._client.by_ids(kind, ids)

    def _path(self, kind: Kind) -> str:
        if kind not in PATHS:
            what = kind.replace("-", " ")
            message = f"Omeka Classic has no {what}s that its API could write: leave them out."
            raise Fatal("target-unsupported", message)
        return PATHS[kind]

    def has_asset(self, name: str) -> bool:
        return False

    def assets_of(self, representation: bytes) -> frozenset[int]:
        return frozenset()

    async def in_use(self, saved: Saved) -> str | None:
        return await structure.in_use(self._client, saved) if saved.kind in structure.KINDS else None

    def stays(self, kind: Kind) -> frozenset[str]:
        return frozenset()  # elements that nothing uses go again

    def not_restored(self, image: bytes, kind: Kind, current: Saved) -> Sequence[str]:
        return restoring.stays(image, kind, current) if kind == "item" else ()

    def narrowing(self, where: Iterable[tuple[FieldWord, str | int]]) -> tuple[tuple[FieldWord, int], ...]:
        return surveying.narrowing(where, self._vocabulary)

    async def survey(self, subject: SurveySubject, first_page: int) -> AsyncIterator[SurveyPage]:
        """`by` must be among the names that were resolved."""
        if subject.kind in structure.KINDS:
            found = await structure.everything(self._client, subject.kind)
            met = tuple(self.met(one, subject) for _, one in sorted(found.items()))
            yield SurveyPage(met, len(met), last=True)
            return
        if any(self._is_to_come(name) for name in subject.by):
            yield SurveyPage((), 0, last=True)
            return
        for name in subject.by:
            if not self._vocabulary.knows(name):
                raise Fatal("names-unknown", f"There is no element “{name}” in this Omeka.")
        async for page in surveying.survey(self._client, subject, first_page):
            for one in page.resources:
                (self._bearing if one.identities else self._barren)[subject].add(one.saved.id)
            yield page

    def _is_to_come(self, name: str) -> bool:
        """Whether nothing can bear the element yet, since records of this batch may bring it."""
        return ":" in name and "terms" in self._names.coming and self._vocabulary.element(name) is None

    async def bearing(self, subject: SurveySubject) -> frozenset[int]:
        """What the pages of its survey have shown, and whatever they have not: no shorter list tells it."""
        if any(self._is_to_come(name) for name in subject.by):
            return frozenset()
        if subject.kind in structure.KINDS:
            return frozenset(await structure.everything(self._client, subject.kind))
        unseen = self._listings.last(subject.kind).keys() - self._barren[subject]
        return frozenset(unseen | self._bearing[subject])

    def met(self, saved: Saved, subject: SurveySubject) -> Surveyed:
        if saved.kind in structure.KINDS:
            return Surveyed(saved, structure.identities(saved, subject.by))
        return surveying.met(saved, subject)

    # --- judging ----------------------------------------------------------------------------------

    def saved(self, representation: bytes, kind: Kind) -> Saved:
        return saved_from(decode(representation), kind)

    def differences(self, payload: bytes, saved: Saved) -> tuple[Difference, ...]:
        if saved.kind in structure.KINDS:
            return structure_payloads.differences(payload, saved)
        return compare.differences(payload, saved, self._vocabulary)

    def same_as(self, payload: bytes, saved: Saved) -> bool:
        if saved.kind in structure.KINDS:
            return not structure_payloads.differences(payload, saved)
        return compare.same_as(payload, saved, self._vocabulary)

    @property
    def writes_whole(self) -> bool:
        return False

    def remnant(self, payload: bytes, saved: Saved) -> bool:
        owner = reference(saved.body, "owner")
        ours = self._writer.owner
        if saved.kind in structure.KINDS:
            return False
        return (ours is None or owner == ours) and compare.remnant(payload, saved)

    def half_done(self, payload: bytes, before: Saved, present: Saved, *, back: bool = False) -> bool:
        if present.kind in structure.KINDS:
            return structure_payloads.half_done(payload, before, present)
        return compare.half_done(payload, before, present, back=back)

    async def complete(self, operation: Operation, saved: Saved) -> Answer | None:
        if saved.kind != "element-set" or not structure_payloads.differences(operation.payload, saved):
            return None
        return await self._writer.complete(operation, saved)

    def identities(self, saved: Saved, by: tuple[str, ...]) -> Sequence[tuple[str, ...]]:
        if saved.kind in structure.KINDS:
            return structure.identities(saved, by)
        return surveying.identities(saved, by)

    def bears(self, saved: Saved, identity: Identity) -> bool:
        if saved.kind in structure.KINDS:
            wanted = tuple(map(normal_identity, identity.values))
            return wanted in structure.identities(saved, identity.by)
        return compare.bears(saved, identity)

    def link(self, kind: Kind, resource_id: int) -> str:
        if kind in structure.KINDS:
            return f"{self._settings.site}/admin/{PATHS[kind].replace('_', '-')}"
        return f"{self._settings.site}/admin/{PATHS[kind]}/show/{resource_id}"

    async def close(self) -> None:
        await self._http.close()
