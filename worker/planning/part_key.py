"""Where the ledger has a resource: by its identity, or as a media of its item."""

from __future__ import annotations

from msgspec import Struct

from service.store.ledger_parts import PART_BY


class PartKey(Struct, frozen=True, gc=False):
    """Where the ledger has a media of an item."""

    scope: str
    digest: str
    shown: str
    """What a person knows it by."""
    by: str = PART_BY
