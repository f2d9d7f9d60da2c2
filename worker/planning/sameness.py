"""Whether the target is still the site that was written to: not another one, and not an older backup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from service.store import ledger, ledger_parts
from service.store.ledger import Holder
from worker.context import RunContext
from worker.errors import Fatal
from worker.planning.reading import Representations
from worker.records import Kind, identity_digest
from worker.targets.base import Adapter, Saved

SHARE = 0.1
FEW = 5
"""So many may be gone or changed beyond recognition, whatever the share."""
SAMPLE = 100
"""One request."""
NAMED = 3


def require_same_target(
    context: RunContext, adapter: Adapter, reads: Representations, kinds: Sequence[Kind], force: bool
) -> None:
    """Compare what the ledger holds with what stands there. Blocking.

    At most two requests a kind beside its listing. Raises `Fatal`; with `force` it is a warning.
    """
    for kind in kinds:
        stamps = ledger.stamps(context.db, context.target, kind)
        seen = _gone(context, reads, kind, stamps) or _strangers(context, adapter, reads, kind, stamps)
        if seen is None:
            continue
        if force:
            context.log.say("warning", "target-not-the-same", f"{seen} The run goes on, as was asked for.")
            continue
        raise Fatal(
            "target-not-the-same",
            f"{seen} The target {context.target} may be another site than the one that was imported into, or "
            "have been restored from a backup. Nothing was written. Compare its address in the settings with "
            "Omeka. If it is the right site and this is as it should be, schedule the run with force=true.",
        )


def _gone(context: RunContext, reads: Representations, kind: Kind, stamps: Mapping[int, str]) -> str | None:
    """What to say, if too much of what was written is not there any more."""
    listing = reads.listing(kind) if stamps else {}
    missing = sorted(stamps.keys() - listing.keys())
    if not too_many(len(missing), len(stamps)):
        return None
    sample = spread(missing, SAMPLE)
    gone = sorted(reads.gone(kind, sample))
    estimate = len(missing) * len(gone) // len(sample)
    if not too_many(estimate, len(stamps)):
        return None
    held = ledger.holders(context.db, context.target, kind, gone[:NAMED])
    return (
        f"Of {len(stamps)} {kind}s that were imported, {estimate} are not there any more, among them "
        f"{_named(kind, held)}."
    )


def _strangers(
    context: RunContext, adapter: Adapter, reads: Representations, kind: Kind, stamps: Mapping[int, str]
) -> str | None:
    """What to say, if too much of what stands under known numbers is something else."""
    listing = reads.listing(kind) if stamps else {}
    moved = sorted(number for number, stamp in stamps.items() if listing.get(number, stamp) != stamp)
    if len(moved) <= FEW:
        return None
    current = reads.current(kind, spread(moved, SAMPLE))
    held = ledger.holders(context.db, context.target, kind, sorted(current))
    # What media without an identity bear, nothing tells.
    judged = {
        number: several
        for number, several in held.items()
        if any(one.by and one.by != ledger_parts.PART_BY for one in several)
    }
    strangers = [
        number for number, several in judged.items() if not bears_any(adapter, current[number], several)
    ]
    if not too_many(len(strangers), len(judged)):
        return None
    named = {number: held[number] for number in sorted(strangers)[:NAMED]}
    return (
        f"Of {len(judged)} imported {kind}s that changed since and were looked at, {len(strangers)} do not "
        f"bear the identifier under which they were imported, among them {_named(kind, named)}."
    )


def bears_any(adapter: Adapter, saved: Saved, holders: Sequence[Holder]) -> bool:
    """Whether a resource bears an identity under which the ledger holds it."""
    return any(
        one.key_digest in map(identity_digest, adapter.identities(saved, by))
        for one in holders
        for by in _alternatives(one.by)
    )


def _alternatives(by: str) -> list[tuple[str, ...]]:
    """`a b` together, `a | b` each alone, as `Identity.by_text` writes them."""
    return [tuple(part.split()) for part in by.split(" | ") if part]


def too_many(number: int, of: int) -> bool:
    return number > FEW and number > of * SHARE


def spread(numbers: Sequence[int], most: int) -> list[int]:
    """At most so many of them, evenly spread: the same ones each time, so that they are read once."""
    if len(numbers) <= most:
        return list(numbers)
    return [numbers[place * len(numbers) // most] for place in range(most)]


def _named(kind: Kind, held: Mapping[int, Sequence[Holder]]) -> str:
    return ", ".join(f"{kind} {number} “{several[0].identifier}”" for number, several in held.items())
