"""What stands of the resources of entries: in the target, and in the ledger."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import msgspec

from service.store import ledger, ledger_parts
from service.store.database import Database
from service.store.ledger import LedgerKey, LedgerRow
from service.store.plans import Entry
from worker.applying.outage import Outage
from worker.applying.outgoing import ledger_key
from worker.records import Kind
from worker.targets.base import Adapter, Saved

TOGETHER = 100
"""Resources of one kind that are read with one request."""


async def read(adapter: Adapter, outage: Outage, kind: Kind, ids: Iterable[int]) -> list[Saved]:
    """Those of these resources that there are, by number; waits while the target is away.

    Raises what `Outage.patiently` raises.
    """
    wanted = sorted(set(ids))
    found: list[Saved] = []
    for start in range(0, len(wanted), TOGETHER):
        part = wanted[start : start + TOGETHER]
        found.extend(await outage.patiently(partial(adapter.read, kind, part)))
    return found


def by_ledger_key(target: str, entries: Sequence[Entry]) -> Mapping[LedgerKey, list[Entry]]:
    """The entries with an identity, by where the ledger has them."""
    grouped: defaultdict[LedgerKey, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.key_digest is not None:
            grouped[ledger_key(target, entry)].append(entry)
    return grouped


def but_for_its_place(adapter: Adapter, media: Saved) -> str:
    """A digest of what a media holds beside its place, where that is a number of it and stamps it; "" else.

    Of an order that broke off half-way nobody knows which media it has stamped: those were edited by nobody.
    """
    if adapter.writes_whole or media.kind != "media":
        return ""
    held = adapter.current(media)
    content = msgspec.json.encode((held.properties, held.fields), order="sorted")
    return hashlib.sha256(content).hexdigest()


async def known_rows(db: Database, target: str, entries: Sequence[Entry]) -> dict[int, LedgerRow]:
    """Entry → what the ledger holds by its identity."""
    found: dict[int, LedgerRow] = {}
    for key, several in by_ledger_key(target, entries).items():
        rows = await db.run(ledger.rows, key, [one.key_digest or "" for one in several])
        found.update({one.seq: rows[one.key_digest] for one in several if one.key_digest in rows})
    return found


def own_rows(db: Database, target: str, entries: Sequence[Entry]) -> dict[int, LedgerRow]:
    """Entry → what the ledger holds of the very resource that it names: by its identity or, where another
    media has that by now, aside. Blocking."""
    found: dict[int, LedgerRow] = {}
    for key, several in by_ledger_key(target, entries).items():
        places = {one.seq: _places(one) for one in several}
        rows = ledger.rows(db, key, [place for both in places.values() for place in both])
        for one in several:
            held = (rows[place] for place in places[one.seq] if place in rows)
            own = next((row for row in held if row.resource_id == one.resource_id), None)
            if own is not None:
                found[one.seq] = own
    return found


def _places(entry: Entry) -> tuple[str, ...]:
    """Under which digests the ledger may have the resource of an entry."""
    digest, number = entry.key_digest or "", entry.resource_id
    if entry.by != ledger_parts.PART_BY or number is None:
        return (digest,)
    return digest, ledger.aside(digest, number)
