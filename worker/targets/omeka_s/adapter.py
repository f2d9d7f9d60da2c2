"""Omeka S as a target: the `Adapter` that executor and planner speak to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from functools import partial

import msgspec

from service.control.model import FieldWord
from service.control.names_used import NamesUsed
from service.control.target_model import TargetKind, TargetModel
from service.settings import TargetSettings
from worker.attachments.contents import Contents
from worker.attachments.rules import FileRules
from worker.errors import AccessionError, Fatal, Retriable
from worker.planning.merge import Merge
from worker.planning.values import Current, Meant
from worker.records import RESOURCES, Content, Draft, Identity, Json, Kind, MediaSource, Sought
from worker.stopping import StoppedError
from worker.targets.base import (
    Answer,
    Difference,
    Done,
    Linking,
    LinkTarget,
    Lost,
    Operation,
    Original,
    Saved,
    SiteFacts,
    Surveyed,
    SurveyPage,
    SurveySubject,
)
from worker.targets.file_types import file_rules
from worker.targets.http import Outcome, TargetHttp
from worker.targets.multipart import FilePart, Form
from worker.targets.omeka_s import compare, files, others, pages, payloads, restoring, surveying, updates
from worker.targets.omeka_s.answers import judge, proof
from worker.targets.omeka_s.checking import Ingesting
from worker.targets.omeka_s.client import TOTAL_HEADER, OmekaClient
from worker.targets.omeka_s.modelling import list_model
from worker.targets.omeka_s.others import roles
from worker.targets.omeka_s.representation import (
    PATHS,
    decode,
    linked_ids,
    linking_ids,
    reference_ids,
    saved_from,
    values_linking,
)
from worker.targets.omeka_s.resolving import Allowed, NamesResolver, list_coming, resolve, with_data_types
from worker.targets.omeka_s.verdict import VERSION_HEADER
from worker.targets.omeka_s.vocabulary import Vocabulary
from worker.targets.redact import excerpt
from worker.targets.verdict import answer_to_write, file_gone

_SCREENS: Mapping[Kind, str] = {
    "vocabulary": "vocabulary",
    "resource-template": "resource-template",
    "user": "user",
}
"""Pages on which a person looks at one of what is no resource; of the others there are only lists."""
_LISTS: Mapping[Kind, str] = {"asset": "asset", "site": "site", "site-page": "site"}


class OmekaSAdapter:
    """See `worker.targets.base.Adapter`. `name` is the target's name in the settings."""

    group_size = 1
    kind: TargetKind = "omeka-s"

    def __init__(
        self, name: str, settings: TargetSettings, http: TargetHttp, contents: Contents | None = None
    ) -> None:
        """`contents`: the bytes of files to be sent; None: none are."""
        self._contents = contents
        self._names = NamesUsed()
        self._name = name
        self._settings = settings
        self._client = OmekaClient(http, contents)
        self._http = http
        self._vocabulary = Vocabulary()
        self._prepared = False

    @property
    def requests(self) -> int:
        return self._http.requests

    @property
    def bytes_sent(self) -> int:
        return self._http.bytes_sent

    @property
    def file_rules(self) -> FileRules:
        return file_rules(self._settings)

    # --- preflight --------------------------------------------------------------------------------

    async def prove(self) -> SiteFacts:
        """One request: `/users` answers 403 to whoever Omeka takes for a stranger, a wrong key included."""
        return await self._http.read("users", (("per_page", 1),), self._proof)

    async def resolve(self, names: NamesUsed) -> NamesResolver:
        self._names = names
        allowed = Allowed(
            Ingesting(self._settings.allow_url_ingest, self._settings.allow_sideload),
            self._settings.allow_admin_roles,
        )
        resolver = await resolve(self._client, names, allowed)
        self._vocabulary = resolver.vocabulary
        return resolver

    async def settle_names(self, *, anew: bool) -> None:
        self._vocabulary.coming.clear()
        if not anew:
            return
        # Should a name be gone that was there a moment ago, each record that names it is refused with that.
        self._vocabulary = await list_coming(self._client, self._names, self._vocabulary)

    async def model(self) -> TargetModel:
        return await list_model(self._client, self._name)

    def _proof(self, outcome: Outcome) -> SiteFacts:
        try:
            body, headers = proof(outcome)
        except Fatal as error:
            raise Fatal(error.code, self._at_this_address(error)) from error
        return SiteFacts(
            address=self._settings.site,
            version=headers[VERSION_HEADER],
            user=_only_user(body, headers.get(TOTAL_HEADER)),
        )

    def _at_this_address(self, error: Fatal) -> str:
        address = self._settings.site
        if error.code != "target-key-refused":
            return f"{address}: {error.message}"
        return (
            f"Omeka at {address} does not know the key of target “{self._name}”, or its owner is "
            "deactivated: it answers as to a stranger. Make a key in Omeka (Users, your user, API keys) "
            "and write its identity and credential into the target's settings."
        )

    async def prepare_updates(self) -> None:
        """List what only updates need: all data types, so that values of modules can be sent back."""
        if self._prepared:
            return
        self._vocabulary = await with_data_types(self._client, self._vocabulary)
        self._prepared = True

    # --- writing ----------------------------------------------------------------------------------

    def create_payload(
        self, draft: Draft, inline: Sequence[Draft], links: Mapping[Sought, LinkTarget], item_id: int | None
    ) -> bytes:
        if draft.kind not in RESOURCES:
            return others.updates.create_body(draft, self._vocabulary, links)
        return payloads.create_body(draft, inline, links, item_id, self._vocabulary)

    def current(self, saved: Saved) -> Current:
        if saved.kind not in RESOURCES:
            return others.updates.current_of(saved, self._vocabulary)
        return updates.current_of(saved, self._vocabulary)

    def meant(self, draft: Draft, links: Mapping[Sought, LinkTarget], current: Current | None) -> Meant:
        if draft.kind not in RESOURCES:
            if draft.kind == "user" and current is not None:
                roles.require_no_administrator(draft, current, self._settings.allow_admin_roles)
            return others.updates.meant_of(draft, self._vocabulary, links, current)
        return updates.meant_of(draft, links, self._vocabulary, current)

    def update_payload(self, current: Current, merge: Merge) -> bytes:
        if current.kind not in RESOURCES:
            return others.updates.update_body(current, merge)
        return updates.update_payload(current, merge, self._vocabulary)

    def restore_payload(
        self,
        image: bytes,
        kind: Kind,
        current: Saved,
        numbers: Mapping[int, int],
        without: Collection[int],
    ) -> bytes | None:
        if kind not in RESOURCES:
            return others.updates.restore_body(image, current, self._vocabulary, numbers)
        return restoring.restore_body(image, kind, current, numbers, without)

    def with_order(self, image: bytes, media: Sequence[int]) -> bytes:
        return image  # every item tells its media

    def recreate_payload(
        self,
        image: bytes,
        kind: Kind,
        media: Sequence[bytes],
        numbers: Mapping[int, int],
        without: Collection[int],
        place: int = 0,
    ) -> bytes:
        return restoring.recreate_body(image, kind, media, numbers, without, place)

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
        return restoring.relink_body(current, values, sets, numbers, order, primary)

    async def members(self, item_set: int) -> Sequence[int]:
        return await self._client.members(item_set)

    def linked_in(self, image: bytes, kind: Kind) -> frozenset[int]:
        saved = self.saved(image, kind)
        shown = pages.items_of(saved.body.get(pages.BLOCKS)) if kind == "site-page" else ()
        return self.linked(saved).union(self.memberships(saved), shown)

    def memberships(self, saved: Saved) -> Sequence[int]:
        return reference_ids(saved.body.get("o:item_set"))

    async def with_media(self, saved: Saved) -> Saved:
        return saved

    def key(self, kind: Kind, number: int) -> int:
        return number

    def number(self, key: int, kind: Kind) -> int | None:
        return key

    def with_digest(self, media: Saved, digest: str) -> Saved:
        return media

    def told_name(self, source: MediaSource) -> str:
        return source.name

    def is_content(self, content: Content, told: str) -> bool:
        return content.digest == told

    def restorable(self, media: Saved) -> bool:
        return media.body.get("o:ingester") == "html" or files.original(media) is not None

    def item_of(self, media: Saved) -> int | None:
        return next(iter(reference_ids(media.body.get("o:item"))), None)

    def order_payload(self, media: Sequence[int], primary: int = 0) -> bytes:
        return payloads.order_body(media, primary)

    def original(self, media: Saved) -> Original | None:
        return files.original(media)

    def told_apart(self, media: Saved) -> tuple[str, str]:
        return files.told_apart(media)

    def linking(self, saved: Saved) -> frozenset[int]:
        return linking_ids(saved.body)

    def values_linking(self, saved: Saved, to: int) -> Sequence[Linking]:
        return values_linking(saved.body, to)

    def linked(self, saved: Saved) -> frozenset[int]:
        return linked_ids(saved.body)

    def left_out(self, draft: Draft) -> bool:
        return False  # a create says all

    def comes_after(self, saved: Saved) -> bool:
        return False

    def stamped(self, kind: Kind) -> bool:
        return True

    def unstamped(self, saved: Saved) -> str | None:
        return None

    async def carry_out(self, group: Sequence[Operation]) -> Sequence[Answer]:
        if len(group) > self.group_size:
            raise ValueError(f"Omeka S takes {self.group_size} operation at a time")
        return [await self._carry_out(operation) for operation in group]

    async def _carry_out(self, operation: Operation) -> Answer:
        try:
            body = self._form(operation)
        except OSError as error:
            return file_gone(error)
        outcome = await self._client.send(operation, body)
        answer = answer_to_write(judge(operation, outcome))
        if isinstance(answer, Done):
            return await self._whole(answer)
        return msgspec.structs.replace(answer, message=self._http.redact(answer.message))

    async def _whole(self, answer: Done) -> Done | Lost:
        """An answer as a listing shows the same. What cannot be listed after it was written is looked for, as
        if the answer had been lost."""
        if answer.saved is None or answer.saved.kind in RESOURCES:
            return answer
        try:
            return Done(await others.reading.completed(self._client, answer.saved))
        except (AccessionError, StoppedError) as error:
            text = f"It was answered, but what came of it could not be read ({error})."
            return Lost("answer-unread", self._http.redact(text), look_once=True)

    def _form(self, operation: Operation) -> Form | None:
        """The body of what is created from a file. Raises `OSError` where the file cannot be read."""
        if operation.kind != "asset" or operation.method != "create":
            return None
        file, data = others.updates.file_of(operation.payload)
        if self._contents is None:
            raise ValueError("this adapter was made without the files of a batch")
        # A member of a zip is found through that.
        (content,) = [one.content for one in operation.files] or [
            Content(file.sha256, self._contents.size(file.sha256))
        ]
        part = FilePart("file", file.name, "", content.size, partial(self._contents.chunks, content))
        return Form("data", data, [part])

    # --- reading ----------------------------------------------------------------------------------

    async def highest_id(self, kind: Kind) -> int:
        if kind not in RESOURCES:
            return max(await others.reading.everything(self._client, kind), default=0)
        found, _ = await self._client.scalars(PATHS[kind], "id", order="desc", size=1)
        return max(found, default=0)

    async def listing(self, kind: Kind) -> Mapping[int, str]:
        if kind not in RESOURCES:
            found = await others.reading.everything(self._client, kind)
            return {one.id: one.modified for one in found.values()}
        return await self._client.modified(kind)

    async def ids_above(self, kind: Kind, above: int) -> Sequence[int]:
        """From the highest down, in one answer: pages could shift while they are read."""
        if kind not in RESOURCES:
            listed = await others.reading.everything(self._client, kind)
            return sorted(number for number in listed if number > above)
        size = 5000
        while True:
            found, total = await self._client.scalars(PATHS[kind], "id", order="desc", size=size)
            if len(found) >= total or min(found, default=0) <= above:
                return sorted(number for number in found if number > above)
            if len(found) < size:
                raise Retriable(
                    "target-listing-incomplete", f"The target listed {len(found)} of {total} and no more."
                )
            size *= 20

    async def read(self, kind: Kind, ids: Sequence[int]) -> Sequence[Saved]:
        if kind not in RESOURCES:
            return await others.reading.by_ids(self._client, kind, ids)
        return await self._client.by_ids(kind, ids)

    def has_asset(self, name: str) -> bool:
        return len(self._vocabulary.assets.by_name.get(name, ())) == 1

    def assets_of(self, representation: bytes) -> frozenset[int]:
        return others.reading.assets_of(representation)

    async def in_use(self, saved: Saved) -> str | None:
        return await others.reading.in_use(self._client, saved)

    def stays(self, kind: Kind) -> frozenset[str]:
        return others.fields.STAY.get(kind, frozenset())

    def not_restored(self, image: bytes, kind: Kind, current: Saved) -> Sequence[str]:
        return ()

    def narrowing(self, where: Iterable[tuple[FieldWord, str | int]]) -> tuple[tuple[FieldWord, int], ...]:
        return surveying.narrowing(where, self._vocabulary)

    def survey(self, subject: SurveySubject, first_page: int) -> AsyncIterator[SurveyPage]:
        """`by` must be among the names that were resolved."""
        if subject.kind not in RESOURCES:
            return self._survey_others(subject)
        if self._is_to_come(subject.by[0]):
            return _nothing()
        number = self._property(subject.by[0])
        return surveying.survey(self._client, subject, number, first_page, self._settings.connections)

    async def _survey_others(self, subject: SurveySubject) -> AsyncIterator[SurveyPage]:
        """One page of all there are."""
        found = await others.reading.everything(self._client, subject.kind)
        met = tuple(self.met(one, subject) for _, one in sorted(found.items()))
        yield SurveyPage(met, len(met), last=True)

    async def bearing(self, subject: SurveySubject) -> frozenset[int]:
        if subject.kind not in RESOURCES:
            return frozenset(await others.reading.everything(self._client, subject.kind))
        if self._is_to_come(subject.by[0]):
            return frozenset()
        return await surveying.bearing(self._client, subject, self._property(subject.by[0]))

    def met(self, saved: Saved, subject: SurveySubject) -> Surveyed:
        if saved.kind not in RESOURCES:
            return Surveyed(saved, tuple(self.identities(saved, subject.by)))
        return surveying.met(saved, subject)

    def _is_to_come(self, term: str) -> bool:
        """Whether nothing can bear the property yet, since records of this batch may bring it."""
        return "terms" in self._names.coming and term not in self._vocabulary.properties

    def _property(self, term: str) -> int:
        number = self._vocabulary.properties.get(term)
        if number is None:
            # Omeka would find nothing, and everything would be created a second time.
            raise Fatal(
                "names-unknown", f"There is no property “{term}” in this Omeka, or it was not resolved."
            )
        return number

    # --- judging ----------------------------------------------------------------------------------

    def saved(self, representation: bytes, kind: Kind) -> Saved:
        return saved_from(decode(representation), kind)

    def differences(self, payload: bytes, saved: Saved) -> tuple[Difference, ...]:
        if saved.kind not in RESOURCES:
            return others.judging.differences(payload, saved, self._vocabulary)
        return updates.update_differences(payload, saved, self._vocabulary)

    def same_as(self, payload: bytes, saved: Saved) -> bool:
        """Whether `saved` is what a create with `payload` leaves, as the target saves it."""
        if saved.kind not in RESOURCES:
            return not others.judging.differences(payload, saved, self._vocabulary)
        return compare.same_as(payload, saved, self._vocabulary)

    @property
    def writes_whole(self) -> bool:
        """Each write is a transaction."""
        return True

    def remnant(self, payload: bytes, saved: Saved) -> bool:
        return False

    def half_done(self, payload: bytes, before: Saved, present: Saved, *, back: bool = False) -> bool:
        return False

    async def complete(self, operation: Operation, saved: Saved) -> Answer | None:
        return None  # a create is one request

    def identities(self, saved: Saved, by: tuple[str, ...]) -> Sequence[tuple[str, ...]]:
        if saved.kind not in RESOURCES:
            return others.judging.identities(saved, by, self._vocabulary)
        return surveying.surveyed(saved, by).identities

    def bears(self, saved: Saved, identity: Identity) -> bool:
        if saved.kind not in RESOURCES:
            return others.judging.bears(saved, identity, self._vocabulary)
        return compare.bears(saved, identity)

    def link(self, kind: Kind, resource_id: int) -> str:
        if kind in _LISTS:
            return f"{self._settings.site}/admin/{_LISTS[kind]}"
        return f"{self._settings.site}/admin/{_SCREENS.get(kind, kind)}/{resource_id}"

    async def close(self) -> None:
        await self._http.close()


async def _nothing() -> AsyncIterator[SurveyPage]:
    yield SurveyPage((), 0, last=True)


def _only_user(body: Json, total: str | None) -> str:
    """Omeka does not tell whose key it is; where there is one user only, it is that one's."""
    if total == "1" and isinstance(body, list) and len(body) == 1 and isinstance(body[0], dict):
        return excerpt(str(body[0].get("o:name") or ""), 80)
    return ""
