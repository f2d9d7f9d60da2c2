"""Unknown outcomes: find out, by looking, whether a write whose answer was lost took effect.

A lost create is looked for among the ids above the highest that stood in the target before it was
meant; one listing serves all unknowns. A lost update or deletion is looked for at its resource. Either may
still be under way, so it is looked for several times before it is sent again; other records go on meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from service.store import journal
from worker.applying.outgoing import Outgoing
from worker.context import RunContext
from worker.records import Kind
from worker.targets.base import Adapter, Saved


class Found(Struct, frozen=True):
    """It took effect: this is the resource; None after a deletion."""

    outgoing: Outgoing
    saved: Saved | None


class Several(Struct, frozen=True):
    """Several resources could be the one."""

    outgoing: Outgoing
    ids: tuple[int, ...]


class GivenUp(Struct, frozen=True):
    """Looked for long enough: it did not take effect, and may be sent again."""

    outgoing: Outgoing


Finding = Found | Several | GivenUp


class _Unknown:
    def __init__(self, outgoing: Outgoing, since: float) -> None:
        self.outgoing = outgoing
        self.since = since
        self.looks = 0


class Reconciler:
    """Keeps the unknowns of a run and looks for them when it is time."""

    def __init__(
        self,
        context: RunContext,
        adapter: Adapter,
        delays: Sequence[float],
        slowest: Callable[[], float],
    ) -> None:
        """`delays`: seconds after which a lost write is looked for; `slowest`: the slowest answer seen."""
        self._context = context
        self._adapter = adapter
        self._delays = tuple(delays) or (1.0,)
        self._slowest = slowest
        self._unknown: dict[int, _Unknown] = {}

    def __len__(self) -> int:
        return len(self._unknown)

    @property
    def seqs(self) -> Collection[int]:
        """The entries whose outcome is unknown now."""
        return self._unknown.keys()

    def add(self, outgoing: Outgoing, *, look_at_once: bool = False) -> None:
        """Take on a lost write. `look_at_once`: after a takeover, when it may have been answered long ago."""
        since = time.monotonic() - (self._delays[0] if look_at_once else 0.0)
        self._unknown[outgoing.entry.seq] = _Unknown(outgoing, since)

    def next_look(self) -> float | None:
        """Seconds until the next look; None when nothing is unknown."""
        if not self._unknown:
            return None
        now = time.monotonic()
        return max(0.0, min(self._due(one) for one in self._unknown.values()) - now)

    def _due(self, unknown: _Unknown) -> float:
        last = len(self._delays) - 1
        delay = self._delays[min(unknown.looks, last)]
        if unknown.looks >= last:
            # The last look comes when even three times the slowest answer would have arrived.
            delay = max(delay, 3 * self._slowest())
        return unknown.since + delay

    async def look(self, answered: Collection[int], in_flight: Collection[bytes]) -> list[Finding]:
        """Look for all that is due.

        `answered`: ids that came in answers which the journal does not hold yet. `in_flight`: payloads of
        requests that are under way, or may be before the look ends: what they make must not be taken for the
        lost one.
        Raises `Retriable` when the target cannot be listed: nothing is concluded from that.
        """
        now = time.monotonic()
        due = [
            one
            for one in self._unknown.values()
            if self._due(one) <= now and not _hidden(one.outgoing, in_flight)
        ]
        findings: list[Finding] = []
        for kind in sorted({one.outgoing.draft.kind for one in due}):
            of_kind = [one for one in due if one.outgoing.draft.kind == kind]
            creates = [one for one in of_kind if one.outgoing.operation.method == "create"]
            if creates:
                candidates = await self._candidates(kind, creates, answered)
                findings.extend(self._conclude(creates, candidates))
            standing = [one for one in of_kind if one.outgoing.operation.method != "create"]
            if standing:
                ids = [one.outgoing.operation.resource_id or 0 for one in standing]
                saved = {one.id: one for one in await self._adapter.read(kind, ids)}
                findings.extend(self._conclude_standing(standing, saved))
        for finding in findings:
            del self._unknown[finding.outgoing.entry.seq]
        return findings

    async def _candidates(
        self, kind: Kind, unknowns: Sequence[_Unknown], answered: Collection[int]
    ) -> list[Saved]:
        above = min(one.outgoing.above_id for one in unknowns)
        return await unexplained(self._context, self._adapter, kind, above, answered)

    def _conclude(self, unknowns: Sequence[_Unknown], candidates: Sequence[Saved]) -> list[Finding]:
        findings: list[Finding] = []
        taken: set[int] = set()
        # The certain ones first, by identity, then by content: they explain candidates away for the rest.
        for unknown in sorted(unknowns, key=_uncertainty):
            outgoing = unknown.outgoing
            free = [one for one in candidates if one.id not in taken]
            fitting = [one for one in free if fits(self._adapter, outgoing, one)]
            twins = sum(_same_request(outgoing, other.outgoing) for other in unknowns)
            if not fitting:
                findings.extend(self._missed(unknown))
            elif not outgoing.recognisable or len(fitting) > (1 if outgoing.draft.identity else twins):
                findings.append(Several(outgoing, tuple(one.id for one in fitting)))
            else:
                # As many alike as were sent alike: which is which makes no difference.
                taken.add(fitting[0].id)
                findings.append(Found(outgoing, fitting[0]))
        return findings

    def _conclude_standing(self, unknowns: Sequence[_Unknown], saved: Mapping[int, Saved]) -> list[Finding]:
        findings: list[Finding] = []
        for unknown in unknowns:
            outgoing = unknown.outgoing
            present = saved.get(outgoing.operation.resource_id or 0)
            if outgoing.operation.method == "delete":
                findings.extend([Found(outgoing, None)] if present is None else self._missed(unknown))
            elif present is None:
                findings.append(GivenUp(outgoing))  # preparing it again tells that it is gone
            elif not self._adapter.differences(outgoing.operation.payload, present):
                findings.append(Found(outgoing, present))
            elif outgoing.before is None or present.modified != outgoing.before.modified:
                # It moved, and not (only) as meant: what is left to do, comparing again tells.
                findings.append(GivenUp(outgoing))
            else:
                findings.extend(self._missed(unknown))
        return findings

    def _missed(self, unknown: _Unknown) -> list[Finding]:
        """Not there yet: given up once it was looked for often enough."""
        unknown.looks += 1
        return [GivenUp(unknown.outgoing)] if unknown.looks >= len(self._delays) else []


def _hidden(outgoing: Outgoing, in_flight: Collection[bytes]) -> bool:
    """Whether what it made cannot be told now from what the requests under way make."""
    if outgoing.draft.identity is not None:
        return False
    return outgoing.operation.payload in in_flight if outgoing.told else bool(in_flight)


def _uncertainty(unknown: _Unknown) -> tuple[bool, bool]:
    return (unknown.outgoing.draft.identity is None, not unknown.outgoing.told)


async def slowest_before(context: RunContext, longest: float) -> float:
    """Seconds of the slowest answer that earlier workers of the run saw, as far as the journal tells; an
    answer is not waited for longer than `longest`, whatever else lay between intent and outcome."""
    return min(await context.db.run(journal.slowest_answer, context.claim.run_id), longest)


def _same_request(one: Outgoing, other: Outgoing) -> bool:
    return one.operation.payload == other.operation.payload


def fits(adapter: Adapter, outgoing: Outgoing, saved: Saved) -> bool:
    """Whether the resource is what this operation would have made: by identity, else by content. Where the
    request can no longer be told, it may be any."""
    identity = outgoing.draft.identity
    if identity is not None:
        return adapter.bears(saved, identity)
    if not outgoing.told:
        return True
    return adapter.same_as(outgoing.operation.payload, saved)


async def unexplained(
    context: RunContext, adapter: Adapter, kind: Kind, above: int, answered: Collection[int]
) -> list[Saved]:
    """Resources above an id that no answer has explained: neither in a journal nor in `answered`."""
    ids = await adapter.ids_above(kind, above)
    explained = await context.db.run(journal.journaled_ids, context.target, kind, list(ids))
    rest = [one for one in ids if one not in explained and one not in answered]
    found: list[Saved] = []
    for start in range(0, len(rest), 100):
        found.extend(await adapter.read(kind, rest[start : start + 100]))
    return found
