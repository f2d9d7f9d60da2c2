"""Reading what is no resource: there are tens or hundreds of a kind, so a listing is all of them, whole."""

from __future__ import annotations

from collections.abc import Sequence

from worker.records import Kind
from worker.targets.base import Saved
from worker.targets.omeka_s.client import OmekaClient, saved_of
from worker.targets.omeka_s.representation import PATHS


async def everything(client: OmekaClient, kind: Kind) -> dict[int, Saved]:
    """All there are, by number. Raises as reads do."""
    entries = await client.all(PATHS[kind])
    return {one.id: one for one in (saved_of(entry, kind) for entry in entries)}


async def by_ids(client: OmekaClient, kind: Kind, ids: Sequence[int]) -> list[Saved]:
    """Those with these numbers, in the order of `ids`."""
    if not ids:
        return []
    found = await everything(client, kind)
    return [found[number] for number in dict.fromkeys(ids) if number in found]
