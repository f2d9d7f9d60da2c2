"""Media that have no identity of their own: known by their item, and by what they show or are called. Pure.

A record says which media its item has, in order. Those that this service has added stand in the ledger; of
an item whose media it does not know, those in the target are looked at. The same bytes are the same media,
whatever they are called; the same name with other bytes is one that is to be replaced.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import UNSET, Struct

from service.store.ledger import Known
from service.store.ledger_parts import KnownPart
from worker.attachments.names import file_name
from worker.attachments.rules import FileRules
from worker.planning.entries import Intended
from worker.planning.met import ChunkMet, LookUps
from worker.planning.part_key import PartKey
from worker.records import Content, Draft, Mapped, MediaSource, identity_digest
from worker.targets.base import Saved


class Part(Struct, frozen=True, gc=False):
    """A media of an item, as far as it is known."""

    resource_id: int
    name: str
    content: str
    known: Known | None = None
    """What the ledger holds of it; None: it was found in the target."""


class Paired(Struct, frozen=True, gc=False):
    """A media of a record, and the media of its item that it is."""

    key: PartKey
    part: Part | None = None
    replaces: bool = False
    """It has other bytes than `part`, whose name it has."""


def part_of(row: KnownPart) -> Part:
    return Part(row.known.resource_id, row.known.identifier, row.content, row.known)


def part_in_target(saved: Saved, tell: Callable[[Saved], tuple[str, str]]) -> Part:
    """`tell`: name and content of a media."""
    name, content = tell(saved)
    return Part(saved.id, name, content)


class Telling(Protocol):
    """How the target tells of files: see `worker.targets.base.Adapter`."""

    def told_apart(self, media: Saved) -> tuple[str, str]: ...

    def told_name(self, source: MediaSource) -> str: ...

    def is_content(self, content: Content, told: str) -> bool: ...


def pair(
    drafts: Sequence[Draft], parts: Sequence[Part], scope: str, item: str, telling: Telling | None = None
) -> list[Paired]:
    """One for each draft, in order. `item`: what tells its item from all others of the scope."""
    left = list(parts)
    found: dict[int, Part] = {}

    def same_content(draft: Draft, part: Part) -> bool:
        return _same_content(draft, part) or (telling is not None and _told_content(draft, part, telling))

    def same_name(draft: Draft, part: Part) -> bool:
        return _same_name(draft, part) or (telling is not None and _told_name(draft, part, telling))

    def same(draft: Draft, part: Part) -> bool:
        return same_name(draft, part) and same_content(draft, part)

    for fits in (same, same_content, same_name):
        for index, draft in enumerate(drafts):
            if index in found:
                continue
            part = next((one for one in left if fits(draft, one)), None)
            if part is not None:
                found[index] = part
                left.remove(part)
    taken = {part.known.key_digest for part in parts if part.known is not None}
    keys = _keys(drafts, item)
    return [
        Paired(
            PartKey(scope, _free(keys[index], taken, part), name_of(draft)),
            part,
            part is not None and not same_content(draft, part),
        )
        for index, draft in enumerate(drafts)
        for part in (found.get(index),)
    ]


def _told_content(draft: Draft, part: Part, telling: Telling) -> bool:
    """Of what was found in the target, which may tell bytes otherwise than by their SHA-256."""
    content = draft.source.content if draft.source is not None else None
    return part.known is None and content is not None and telling.is_content(content, part.content)


def _told_name(draft: Draft, part: Part, telling: Telling) -> bool:
    return part.known is None and draft.source is not None and part.name == telling.told_name(draft.source)


def _keys(drafts: Sequence[Draft], item: str) -> list[str]:
    """One for each draft, none twice: from what it is called, and the how-manieth of that name it is. "": of
    an item that nothing tells from others the ledger keeps none."""
    if not item:
        return [""] * len(drafts)
    met: Counter[str] = Counter()
    keys = []
    for draft in drafts:
        name = name_of(draft)
        met[name] += 1
        keys.append(identity_digest((item, name, str(met[name]))))
    return keys


def _free(digest: str, taken: set[str], part: Part | None) -> str:
    """The key of a media: that of the ledger where it is known; else one that no other media has."""
    if part is not None and part.known is not None:
        return part.known.key_digest
    if not digest:
        return ""
    while digest in taken:
        digest = identity_digest((digest, "+"))
    taken.add(digest)
    return digest


def name_of(draft: Draft) -> str:
    return draft.source.name if draft.source is not None else ""


def content_of(draft: Draft) -> str:
    return draft.source.digest if draft.source is not None else ""


def _same_content(draft: Draft, part: Part) -> bool:
    if part.content == content_of(draft):
        return True
    # What was fetched from an address, and is found in the target, tells its address only, or its name.
    fetched = draft.source is not None and draft.source.ingester == "url"
    return part.known is None and fetched and part.name in (name_of(draft), file_name(name_of(draft)))


def _same_name(draft: Draft, part: Part) -> bool:
    """HTML has no name: with another text it is the next one that is HTML too."""
    return part.name == name_of(draft)


def in_place(media: Sequence[Draft]) -> list[Draft]:
    """The media of a record in the order in which they are to stand: some may say their position."""

    def place(index: int) -> tuple[int, int]:
        said = media[index].fields.position
        return (index + 1 if said is UNSET else said, index)

    return [media[index] for index in sorted(range(len(media)), key=place)]


def by_item(rows: Sequence[KnownPart]) -> Mapping[int, list[Part]]:
    found: defaultdict[int, list[Part]] = defaultdict(list)
    for row in rows:
        found[row.item].append(part_of(row))
    return found


def _standing(parts: Sequence[Part]) -> list[Part]:
    """Without those of which others have taken the places."""
    return [one for one in parts if one.known is None or one.known.withdrawn is None]


class Room:
    """How much more travels in the request that creates an item. What comes behind a media that does not fit
    does not travel either: it would come before that."""

    def __init__(self, rules: FileRules) -> None:
        self._files = rules.inline_files
        self._bytes = rules.inline_bytes
        self._open = True

    def takes(self, draft: Draft) -> bool:
        content = draft.source.content if draft.source is not None else None
        self._files -= 1
        self._bytes -= content.size if content is not None else 0
        self._open = self._open and self._files >= 0 and self._bytes >= 0
        return self._open


class Rearranged(Struct, frozen=True, gc=False):
    """An item whose record has other media than the last time, or in another order, or with another primary
    one; or a new one of which the first media is not to be the primary one."""

    seq: int
    media: str
    """`ledger.media_meant` of it, once that is so in the target."""
    primary: int = 0
    """The entry of the media that is to be its primary one; 0: its record names none."""


def rearranged(plans: Sequence[Intended], *, removes: bool) -> Iterator[Rearranged]:
    """Those among the plans of a record. `removes`: also where the record has no media any more."""
    for plan in plans:
        known, media = plan.decision.known, plan.meaning.media
        stands = plan.decision.action in ("update", "unchanged") and plan.decision.resource_id is not None
        new = plan.draft.action == "new"
        differs = known is None or known.media_meant != media
        if plan.draft.kind != "item":
            continue
        there = [one for one in plans if one.parent is plan and one.decision.action != "reject"]
        primary = next((one.seq for one in there if one.draft.primary), 0)
        if stands and differs and (media or (removes and new)):
            yield Rearranged(plan.seq, media, primary)
        elif plan.decision.action == "create" and primary and primary != there[0].seq:
            # Where none is chosen, the first one is the primary one.
            yield Rearranged(plan.seq, media, primary)


class ChunkParts:
    """The media of the items of one chunk of records."""

    def __init__(
        self,
        look_ups: LookUps,
        telling: Telling,
        chunk: Sequence[Mapped],
        met: ChunkMet,
    ) -> None:
        self._look_ups = look_ups
        self._telling = telling
        wanted: dict[int, list[Draft]] = {}
        for mapped in chunk:
            for item, media in _items(mapped):
                number = _number_of(item, met)
                if number is not None:
                    wanted.setdefault(number, []).extend(media)
        self._known = by_item(look_ups.parts(sorted(wanted))) if wanted else {}
        unknown = [one for one, media in wanted.items() if self._any_new(one, media)]
        self._there = self._in_target(sorted(unknown)) if unknown else {}

    def paired(self, item: Intended, media: Sequence[Draft]) -> list[Paired]:
        """One for each of these media of an item."""
        if not media:
            return []
        identity, number = item.draft.identity, item.decision.resource_id
        if identity is not None:
            scope, told = identity.scope, f"{identity.by_text}\x1e{identity.digest}"
        else:
            scope, told = "", f"#{number}" if number is not None else ""
        parts: list[Part] = []
        if number is not None:
            parts = [*_standing(self._known.get(number, ())), *self._there.get(number, ())]
        return pair(media, parts, scope, told, self._telling)

    def _any_new(self, item: int, media: Sequence[Draft]) -> bool:
        paired = pair(media, _standing(self._known.get(item, ())), "", "#", self._telling)
        return any(one.part is None for one in paired)

    def _in_target(self, items: Sequence[int]) -> Mapping[int, list[Part]]:
        """The media of these items that the ledger does not know."""
        there = self._look_ups.afresh("item", items)
        ours = {part.resource_id for item in items for part in self._known.get(item, ())}
        ids = {item: [one for one in saved.media_ids if one not in ours] for item, saved in there.items()}
        wanted = sorted({one for several in ids.values() for one in several})
        media = self._look_ups.current("media", wanted) if wanted else {}
        return {
            item: [part_in_target(media[one], self._telling.told_apart) for one in several if one in media]
            for item, several in ids.items()
        }


def _items(mapped: Mapped) -> Iterator[tuple[Draft, list[Draft]]]:
    """The items of a record that have media without an identity, with those."""
    media: defaultdict[int, list[Draft]] = defaultdict(list)
    for draft in mapped.drafts:
        if draft.kind == "media" and draft.item is not None and draft.identity is None:
            media[draft.item].append(draft)
    for draft in mapped.drafts:
        if draft.ordinal in media:
            yield draft, media[draft.ordinal]


def _number_of(item: Draft, met: ChunkMet) -> int | None:
    """The number of an item that stands in the target; None where none does for certain."""
    if item.resource_id is not None:
        return item.resource_id
    if item.identity is None:
        return None
    found = met.of(item)
    if found.known is not None:
        return found.known.resource_id
    return found.bearers[0] if len(found.bearers) == 1 else None
