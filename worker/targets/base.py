"""What the executor and the planner ask of a target, whatever its kind.

Operations go to a target in groups; each has its own idempotency key, intent and answer. An
adapter says how many it takes at once (`group_size`; plain REST: one).

Errors: reads raise `Retriable` when the target could not be reached or was busy (after the
adapter's own few repeats, see `http.py`) and `Fatal` when going on is pointless. Writes are never
repeated by an adapter: each answers `Done`, or says in which of the four ways it was not (`docs/errors.md`):
fatal is `Barred`, retriable `NotDone`, reject `Refused`, unknown `Lost`. The executor acts on that.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NewType, Protocol, TypeAlias

import msgspec
from msgspec import Struct

from service.control.model import FieldWord
from service.control.target_model import TargetKind, TargetModel
from worker.attachments.rules import FileRules
from worker.errors import Fatal
from worker.mapping.lookups import CustomVocabulary
from worker.records import Content, Draft, Identity, Json, Kind, MediaSource, Problem, Sought

if TYPE_CHECKING:
    from service.control.names_used import NamesUsed
    from worker.planning.merge import Merge
    from worker.planning.values import Current, Meant

OperationKey = NewType("OperationKey", str)
"""Idempotency key: run, entry and attempt."""

Method = Literal["create", "update", "delete"]


class LinkTarget(Struct, frozen=True):
    """A resource that a value links to, once it is known."""

    kind: Kind
    id: int


class Linking(Struct, frozen=True):
    """A value that links to a resource: of which term, at which place among its values, and its JSON."""

    term: str
    value: bytes
    position: int = -1
    """Below zero: last."""


class SentFile(Struct, frozen=True):
    """Bytes that travel with a write, in the order in which its payload speaks of them."""

    name: str
    media_type: str
    content: Content


class Operation(Struct, frozen=True):
    """One write, ready to be sent.

    `payload` is the request's JSON body (empty for a delete); what `payload_digest` in the journal
    is the SHA-256 of. It tells digest and size of each file that travels with it.
    """

    key: OperationKey
    method: Method
    kind: Kind
    resource_id: int | None
    payload: bytes
    files: tuple[SentFile, ...] = ()


class Saved(Struct, frozen=True):
    """A resource as the target holds it."""

    kind: Kind
    id: int
    modified: str
    """First 19 characters of the target's stamp, `T` as a blank: `2026-11-22 17:09:06`. Never converted."""
    public: bool
    title: str | None
    body: Mapping[str, Json]
    """The representation, as the target gave it."""
    media_ids: tuple[int, ...] = ()
    media_known: bool = True
    """Of an item: whether `media_ids` are all its media; where not, `Adapter.with_media` asks for them."""
    primary: int | None = None
    """Of an item: the media that the target shows as its primary one."""

    @property
    def chosen(self) -> int | None:
        """The primary media where somebody must have chosen it: where none was, the first one is shown."""
        return None if self.primary in self.media_ids[:1] else self.primary


class Original(Struct, frozen=True):
    """The file that a media shows, as the target keeps it."""

    name: str
    media_type: str
    digest: str
    """SHA-256; "" where the target does not tell it."""
    size: int
    address: str
    """At which anybody who may see the media can fetch it."""
    md5: str = ""
    """Where the target tells that instead."""


class Difference(Struct, frozen=True, omit_defaults=True):
    """What the target saved otherwise than meant."""

    name: str
    """Term or field."""
    meant: str
    saved: str


class Touched(Struct, frozen=True):
    """Another resource that a write changed on its way. `was`: its stamp before."""

    was: str
    saved: Saved


class Done(Struct, frozen=True):
    """The target carried the operation out. `saved` is None after a delete."""

    saved: Saved | None
    touched: tuple[Touched, ...] = ()


class Barred(Struct, frozen=True):
    """The target did nothing, and would do nothing of all the rest either: fatal."""

    code: str
    message: str


class Refused(Struct, frozen=True):
    """The target will never take this one as it is: a reject, with the target's reason."""

    code: str
    message: str
    status: int
    look_once: bool = False
    """Whether it may have been saved before it was refused: one look tells, and it is not sent again."""


HELD = "target-held"
"""Code of what was not sent since nothing may be sent now (quiet hours, an outage): the limiter knows why."""


class NotDone(Struct, frozen=True):
    """It certainly did not take effect, and may be sent again (refused connection, 429, outage page)."""

    code: str
    message: str
    retry_after: float | None = None
    outage: bool = False


class Lost(Struct, frozen=True):
    """The answer was lost or makes no sense: it may have taken effect."""

    code: str
    message: str
    look_once: bool = False
    """Whether the target has certainly done with it: one look tells."""


Answer: TypeAlias = Done | Barred | Refused | NotDone | Lost


class SiteFacts(Struct, frozen=True):
    """What the preflight learnt of the site."""

    address: str
    version: str
    user: str
    """Label of the key's owner as far as the target tells, else ""."""


class Listed(Struct, frozen=True):
    """One line of a listing of everything of a kind."""

    id: int
    modified: str


class SurveySubject(Struct, frozen=True):
    """What a survey looks for: resources of a kind that bear all of `by`, within `narrowing`."""

    kind: Kind
    by: tuple[str, ...]
    narrowing: tuple[tuple[FieldWord, int], ...] = ()
    """What they belong to, by the target's numbers, in a fixed order."""

    @property
    def narrowed(self) -> str:
        """A digest of `narrowing`; "" where there is none."""
        if not self.narrowing:
            return ""
        return hashlib.sha256(msgspec.json.encode(self.narrowing)).hexdigest()


class Surveyed(Struct, frozen=True):
    """A resource met in a survey: which identities it bears."""

    saved: Saved
    identities: tuple[tuple[str, ...], ...]
    """Each in the order of `by`; several when the property has several values."""


class SurveyPage(Struct, frozen=True):
    resources: tuple[Surveyed, ...]
    total: int
    last: bool


class TemplateTerm(Struct, frozen=True):
    """What a resource template says of one property."""

    term: str
    data_types: tuple[str, ...] = ()
    """As the target calls them; empty: any."""
    required: bool = False
    private: bool = False
    """Whether values are private unless somebody says otherwise."""


class TemplateFacts(Struct, frozen=True):
    """A resource template in the terms of RDF."""

    label: str
    resource_class: str | None
    terms: tuple[TemplateTerm, ...]


class Resolver(Protocol):
    """Names against the live target; what the preflight listed once, kept for the run."""

    @property
    def has_map(self) -> bool:
        """Whether items may be given places; asked for only where the control file gives some."""
        ...

    def problems(self, draft: Draft) -> tuple[Problem, ...]:
        """What in this draft the target does not know or would drop silently; empty when all is well."""
        ...

    def expect(self, draft: Draft) -> Draft:
        """What this draft will be called counts as known from now on, until `Adapter.settle_names`. The draft
        comes back with its identity as the target tells it: of several names for the same, the one."""
        ...

    def custom_vocabulary(self, label: str) -> CustomVocabulary | None:
        """A custom vocabulary by label or number, or None when there is none of that name."""
        ...

    def template(self, name: str) -> TemplateFacts | None:
        """A resource template by label or number; None when there is none, or when none were asked for."""
        ...

    def data_type(self, name: str) -> str:
        """The target's own name of a data type (`customvocab:Materials` → `customvocab:3`); an unknown one
        as it is."""
        ...


class NamesUnknown(Fatal):
    """Names of the control file that the target does not have: all of them, each a problem with its pointer.

    `resolver` knows the other names, so that a check can go on and tell what else is wrong.
    """

    def __init__(self, problems: Sequence[Problem], resolver: Resolver) -> None:
        lines = (f"{one.pointer}: {one.message}" if one.pointer else one.message for one in problems)
        super().__init__("names-unknown", "\n".join(lines))
        self.problems = tuple(problems)
        self.resolver = resolver


class Adapter(Protocol):
    """A target of one kind, bound to its address, key and limits for the length of a run."""

    group_size: int

    @property
    def kind(self) -> TargetKind:
        """Which Omeka it is; what the control file says as `model`."""
        ...

    @property
    def file_rules(self) -> FileRules:
        """Which files it takes, as far as that is known."""
        ...

    @property
    def requests(self) -> int:
        """Requests sent so far, repeats included."""
        ...

    @property
    def bytes_sent(self) -> int: ...

    async def prove(self) -> SiteFacts:
        """Prove address and key with as few requests as possible.

        Raises `Fatal` (`target-key-refused`, `target-not-omeka`) or `Retriable` (an outage).
        """
        ...

    async def resolve(self, names: NamesUsed) -> Resolver:
        """List only what the control file names. Raises `NamesUnknown` with every name that is not there."""
        ...

    async def settle_names(self, *, anew: bool) -> None:
        """Names count as known no longer because they were expected. `anew`: what was named is listed once
        more, since this run has written what may be called so. Raises as reads do."""
        ...

    async def model(self) -> TargetModel:
        """Everything that a control file can map to, listed anew, in the target's order."""
        ...

    async def prepare_updates(self) -> None:
        """Called before the first `current` or `meant`: lists, once, what comparing needs beside the names.

        Raises as reads do.
        """
        ...

    def create_payload(
        self, draft: Draft, inline: Sequence[Draft], links: Mapping[Sought, LinkTarget], item_id: int | None
    ) -> bytes:
        """The JSON body that creates this draft.

        `inline`: the drafts of media that travel in the item's request. `links`: the resources that
        values of this draft link to, by identity. `item_id`: of a media sent alone, its item.
        """
        ...

    def current(self, saved: Saved) -> Current:
        """A resource as it stands, in the form in which it is merged."""
        ...

    def meant(self, draft: Draft, links: Mapping[Sought, LinkTarget], current: Current | None) -> Meant:
        """A draft in the same form. `links` as for a create; numbers below zero stand for resources that
        this run is still to create. `current`: the resource that it is about.

        Raises `Reject` for names that the target does not know and links that lead nowhere.
        """
        ...

    def update_payload(self, current: Current, merge: Merge) -> bytes:
        """The JSON body that makes `merge` of `current`, and leaves all else as it is.

        Raises `ValueError` where there is nothing to send, or a link to what is not created yet.
        """
        ...

    def restore_payload(
        self,
        image: bytes,
        kind: Kind,
        current: Saved,
        numbers: Mapping[int, int],
        without: Collection[int],
    ) -> bytes | None:
        """The JSON body that gives a resource its earlier state back (`image`: its representation then).

        `numbers`: old number → new one, of linked resources that were created again; `without`: what is not
        there any more, so that nothing can link to it. None: it stands so.
        """
        ...

    def with_order(self, image: bytes, media: Sequence[int]) -> bytes:
        """The representation of an item that tells nothing of its media, as if they stood in this order."""
        ...

    def recreate_payload(
        self,
        image: bytes,
        kind: Kind,
        media: Sequence[bytes],
        numbers: Mapping[int, int],
        without: Collection[int],
        place: int = 0,
    ) -> bytes:
        """The JSON body that creates a deleted resource again, with its media. `without`: values that link to
        these numbers are left out, since what they lead to is still to be created. `place`: of a media among
        those of its item, from 1."""
        ...

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
        """The JSON body that brings back what went with deleted resources that are there again: values that
        linked to them, put in one after the other, memberships of item sets, the `order` of its media, and
        which of them was the `primary` one (0: nobody had chosen one). `own`: the resource itself before it
        was deleted, where it was; what `comes_after` it comes with this. None: nothing is missing."""
        ...

    def left_out(self, draft: Draft) -> bool:
        """Whether creating the draft leaves something of it to a change that comes after that."""
        ...

    def comes_after(self, saved: Saved) -> bool:
        """The same of a deleted resource that is created again: it comes back by a `relink_payload`."""
        ...

    def stamped(self, kind: Kind) -> bool:
        """Whether the stamp of a resource tells of all that is read of it in this run."""
        ...

    def unstamped(self, saved: Saved) -> str | None:
        """What no stamp tells of, in a form in which it can be compared; None: there is no such thing, or it
        was not read."""
        ...

    async def members(self, item_set: int) -> Sequence[int]:
        """The numbers of the items in an item set."""
        ...

    def memberships(self, saved: Saved) -> Sequence[int]:
        """The numbers of the item sets that a resource is in."""
        ...

    def linked_in(self, image: bytes, kind: Kind) -> frozenset[int]:
        """What a representation kept in the journal refers to: by its values, and its item sets."""
        ...

    async def with_media(self, saved: Saved) -> Saved:
        """An item that knows its media, as they are now. Raises as reads do."""
        ...

    def key(self, kind: Kind, number: int) -> int:
        """A number that no record of another kind has; the number itself, where all kinds share a series."""
        ...

    def number(self, key: int, kind: Kind) -> int | None:
        """The number of a record of that kind that has this key; None where the key is of another kind."""
        ...

    def with_digest(self, media: Saved, digest: str) -> Saved:
        """A media of whose file the SHA-256 is known by now, for `original` to tell."""
        ...

    def told_name(self, source: MediaSource) -> str:
        """How the target tells the name of a file that came from there."""
        ...

    def is_content(self, content: Content, told: str) -> bool:
        """Whether these bytes are those that `told_apart` tells. Blocking."""
        ...

    def restorable(self, media: Saved) -> bool:
        """Whether a deleted media could be made again from its representation, and the bytes of its file."""
        ...

    def item_of(self, media: Saved) -> int | None:
        """The number of the item of a media."""
        ...

    def order_payload(self, media: Sequence[int], primary: int = 0) -> bytes:
        """The JSON body that puts the media of an item into that order (all of them; none: as they are), and
        makes one of them the `primary` one (0: which that is stays)."""
        ...

    def original(self, media: Saved) -> Original | None:
        """The file of a media; None where it has none."""
        ...

    def told_apart(self, media: Saved) -> tuple[str, str]:
        """By what a media is told from the others of its item: `MediaSource.name`, and its `digest`."""
        ...

    def linking(self, saved: Saved) -> frozenset[int]:
        """The numbers of the resources, of whatever kind, whose values link to this one."""
        ...

    def values_linking(self, saved: Saved, to: int) -> Sequence[Linking]:
        """Each value that links to that number."""
        ...

    def linked(self, saved: Saved) -> frozenset[int]:
        """The numbers of the resources that values of this one link to."""
        ...

    async def carry_out(self, group: Sequence[Operation]) -> Sequence[Answer]:
        """Send one group (at most `group_size`). An answer an operation, in order; never raises."""
        ...

    async def highest_id(self, kind: Kind) -> int:
        """The highest id that the target lists of the kind, private ones included; 0 when there is none."""
        ...

    async def listing(self, kind: Kind) -> Mapping[int, str]:
        """All resources of the kind, id → modified (19 characters), in as few requests as the target allows.

        Complete: equal to the total that the target announces, or `Retriable` is raised.
        """
        ...

    async def ids_above(self, kind: Kind, above: int) -> Sequence[int]:
        """Ids of the kind that are higher than `above`, ascending."""
        ...

    async def read(self, kind: Kind, ids: Sequence[int]) -> Sequence[Saved]:
        """The resources with these ids that still exist, a hundred a request."""
        ...

    def narrowing(self, where: Iterable[tuple[FieldWord, str | int]]) -> tuple[tuple[FieldWord, int], ...]:
        """What `where` of a `match` names, by number. It must be among the names that were resolved."""
        ...

    def survey(self, subject: SurveySubject, first_page: int) -> AsyncIterator[SurveyPage]:
        """Pages of everything that bears the first property of `by`, by ascending id."""
        ...

    async def bearing(self, subject: SurveySubject) -> frozenset[int]:
        """The numbers of all that `survey` is about, and perhaps of more, in as few requests as possible."""
        ...

    def met(self, saved: Saved, subject: SurveySubject) -> Surveyed:
        """A resource as a survey meets it: without identities where it is not what was looked for."""
        ...

    def saved(self, representation: bytes, kind: Kind) -> Saved:
        """Read back a representation kept in the ledger or the journal."""
        ...

    def differences(self, payload: bytes, saved: Saved) -> tuple[Difference, ...]:
        """What the target saved otherwise than this payload meant; empty when all arrived."""
        ...

    def same_as(self, payload: bytes, saved: Saved) -> bool:
        """Whether `saved` is what a create with this payload leaves (HTML as purified by the target)."""
        ...

    @property
    def writes_whole(self) -> bool:
        """Whether a write that failed has changed nothing: where not, half of it may stand."""
        ...

    def remnant(self, payload: bytes, saved: Saved) -> bool:
        """Whether `saved` may be what a create with this payload left when it failed half-way."""
        ...

    def half_done(self, payload: bytes, before: Saved, present: Saved, *, back: bool = False) -> bool:
        """Whether an update with this payload that failed half-way made `present` of `before`, and nobody
        else did anything. `back`: or one that was to make `before` of that half."""
        ...

    async def complete(self, operation: Operation, saved: Saved) -> Answer | None:
        """Make what this create has left undone, of which `saved` was made: a create may be several requests.
        None: nothing is. Never raises."""
        ...

    def identities(self, saved: Saved, by: tuple[str, ...]) -> Sequence[tuple[str, ...]]:
        """The identities that the resource bears by these properties, each in the order of `by`."""
        ...

    def bears(self, saved: Saved, identity: Identity) -> bool:
        """Whether the resource bears the identity, compared exactly on our side."""
        ...

    def link(self, kind: Kind, resource_id: int) -> str:
        """The address at which a person looks at the resource."""
        ...

    def has_asset(self, name: str) -> bool:
        """Whether an asset was called so when names were last listed."""
        ...

    def assets_of(self, representation: bytes) -> frozenset[int]:
        """The numbers of the assets that a resource shows."""
        ...

    async def in_use(self, saved: Saved) -> str | None:
        """What would be lost with it beside itself, if it were deleted, as a sentence; None: nothing."""
        ...

    def stays(self, kind: Kind) -> frozenset[str]:
        """Names of the kind that an undo of a change leaves: what was added to them may be in use."""
        ...

    def not_restored(self, image: bytes, kind: Kind, current: Saved) -> Sequence[str]:
        """Names that a change has given the resource, and that no write can take off it again. `image`: its
        representation before."""
        ...

    async def close(self) -> None: ...
