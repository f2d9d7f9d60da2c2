"""What stood in the target before a write: kept in the journal, so that undo can put it back."""

from __future__ import annotations

import zlib

import msgspec
import orjson
from msgspec import Struct

from service.store.ledger import LedgerRow
from worker.records import Kind
from worker.targets.base import Saved


class Inbound(Struct, frozen=True):
    """A value of another resource that links to one that is deleted: Omeka takes it away without a word."""

    kind: Kind
    id: int
    term: str
    value: bytes
    """The target's JSON of the value."""
    position: int = -1
    """Its place among the values of the term; below zero: not known."""


class PreImage(Struct, frozen=True, omit_defaults=True):
    """A resource as it stood. `saved` and `media` are representations, JSON as the target gave it."""

    kind: Kind
    id: int
    saved: bytes
    media: tuple[bytes, ...] = ()
    """Of an item that is deleted: its media, in their order."""
    media_ledger: tuple[LedgerRow, ...] = ()
    """What the ledger held of them."""
    order: tuple[int, ...] = ()
    """Of a media: all media of its item, in their order."""
    chosen: bool = False
    """Of a media: whether it was chosen as the primary one of its item, which Omeka forgets with it."""
    inbound: tuple[Inbound, ...] = ()
    members: tuple[int, ...] = ()
    """Of an item set that is deleted: the items in it."""
    ledger: LedgerRow | None = None
    """What the ledger held of it; None: this service did not know it."""


def place_of(image: PreImage) -> int:
    """Of a media: its place among those of its item, from 1; 0: it is not known."""
    return image.order.index(image.id) + 1 if image.id in image.order else 0


def pack(image: PreImage) -> bytes:
    return zlib.compress(msgspec.msgpack.encode(image), 1)


def unpack(data: bytes) -> PreImage:
    return msgspec.msgpack.decode(zlib.decompress(data), type=PreImage)


def representation(saved: Saved) -> bytes:
    return orjson.dumps(saved.body)


def image_of(saved: Saved, ledger: LedgerRow | None) -> PreImage:
    return PreImage(saved.kind, saved.id, representation(saved), ledger=ledger)
