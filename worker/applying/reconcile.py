"""Unknown outcomes: find out, by looking, whether a write whose answer was lost took effect.

A lost create is looked for among the ids above the highest that stood in the target before it was
meant; one listing serves all unknowns. A lost update or deletion is looked for at its resource. Either may
still be under way, so it is looked for several times before it is sent again; other records go on meanwhile,
and as long as they do a look waits until it is worth its requests.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from service.store import journal
from worker.applying.outgoing import Outgoing
from worker.context import RunContext
from worker.records import Kind
from worker.targets.base import Adapter, Lost, Refused, Saved

SHARED = 60
"""Writes that are sent between two looks, as long as there are others to send. A look takes two or three
requests: were there one for each lost answer, a target that loses many would be asked for little else."""


class Found(Struct, frozen=True):
    """It took effect: this is the resource; None after a deletion."""

    outgoing: Outgoing
    saved: Saved | None


class Several(Struct, frozen=True):
    """Several resources could be the one."""

    outgoing: Outgoing
    ids: tuple[int, ...]


class GivenUp(Struct, frozen=True):
    """Looked for long enough: it did not take effect, and may be sent again; unless the target `refused` it.

    `once`: one look was enough.
    """

    outgoing: Outgoing
    refused: Refused | None = None
    once: bool = False


Finding = Found | Several | GivenUp


class _Unknown:
    def __init__(self, outgoing: Outgoing, since: float, answer: Lost | Refused | None) -> None:
        self.outgoing = outgoing
        self.since = since
        self.looks = 0
        self.once = answer is not None and answer.look_once
        self.refused = answer if isinstance(answer, Refused) else None

    def given_up(self) -> GivenUp:
        return GivenUp(self.outgoing, self.refused, self.once)


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
        self._sent = SHARED

    def __len__(self) -> int:
        return len(self._unknown)

    @property
    def seqs(self) -> Collection[int]:
        """The entries whose outcome is unknown now."""
        return self._unknown.keys()

    def add(
        self, outgoing: Outgoing, answer: Lost | Refused | None = None, *, look_at_once: bool = False
    ) -> None:
        """Take on a write of which it is not known whether it took effect. `answer`: what came of it, as far
        as that is known; `look_at_once`: after a takeover, when it may have been answered long ago."""
        since = time.monotonic() - (self._delays[0] if look_at_once else 0.0)
        self._unknown[outgoing.entry.seq] = _Unknown(outgoing, since, answer)

    def note_sent(self) -> None:
        """A write was sent, whatever came of it."""
        self._sent += 1

    def next_look(self, *, others: bool = False) -> float | None:
        """Seconds until the next look; None when nothing is unknown. `others`: there are writes to be sent;
        then it is also None until enough of them were."""
        if not self._unknown or (others and self._sent < SHARED):
            return None
        now = time.monotonic()
        return max(0.0, min(self._due(one) for one in self._unknown.values()) - now)

    def _due(self, unknown: _Unknown) -> float:
        last = len(self._delays) - 1
        delay = self._delays[min(unknown.looks, last)]
        if unknown.looks >= last and not unknown.once:
            # The last look comes when even three times the slowest answer would have arrived.
            delay = max(delay, 3 * self._slowest())
        return unknown.since + delay

    async def look(
        self, answered: Callable[[], Collection[int]], in_flight: Collection[bytes]
    ) -> list[Finding]:
        """Look for all that is due. What is not yet due may be found by the same requests; that it was not
        found then means nothing.

        `answered`: tells the ids that came in answers which the journal does not hold yet. `in_flight`:
        payloads of requests that are under way, or may be before the look ends: what they make must not be
        taken for the lost one.
        Raises `Retriable` when the target cannot be listed: nothing is concluded from that.
        """
        now = time.monotonic()
        unknown = [one for one in self._unknown.values() if not _hidden(one.outgoing, in_flight)]
        due = {one.outgoing.entry.seq for one in unknown if self._due(one) <= now}
        findings: list[Finding] = []
        for kind, creates in sorted({_sort(one) for one in unknown if one.outgoing.entry.seq in due}):
            alike = [one for one in unknown if _sort(one) == (kind, creates)]
            if creates:
                candidates = await self._candidates(kind, alike, answered)
                findings.extend(self._conclude(alike, candidates, due))
            else:
                ids = [one.outgoing.operation.resource_id or 0 for one in alike]
                saved = {one.id: one for one in await self._adapter.read(kind, ids)}
                findings.extend(self._conclude_standing(alike, saved, due))
        for finding in findings:
            del self._unknown[finding.outgoing.entry.seq]
        self._sent = 0
        return findings

    async def _candidates(
        self, kind: Kind, unknowns: Sequence[_Unknown], answered: Callable[[], Collection[int]]
    ) -> list[Saved]:
        above = min(one.outgoing.above_id for one in unknowns)
        return await unexplained(self._context, self._adapter, kind, above, answered)

    def _conclude(
        self, unknowns: Sequence[_Unknown], candidates: Sequence[Saved], due: Collection[int]
    ) -> list[Finding]:
        findings: list[Finding] = []
        taken: set[int] = set()
        # The certain ones first, by identity, then by content: they explain candidates away for the rest.
        for unknown in sorted(unknowns, key=_uncertainty):
            outgoing = unknown.outgoing
            free = [one for one in candidates if one.id not in taken]
            fitting = [one for one in free if fits(self._adapter, outgoing, one)]
            twins = sum(_same_request(outgoing, other.outgoing) for other in unknowns)
            few = len(fitting) <= (1 if outgoing.draft.identity else twins)
            if fitting and outgoing.recognisable and few:
                # As many alike as were sent alike: which is which makes no difference.
                taken.add(fitting[0].id)
                findings.append(Found(outgoing, fitting[0]))
            elif outgoing.entry.seq not in due:
                continue
            elif fitting:
                findings.append(Several(outgoing, tuple(one.id for one in fitting)))
            else:
                findings.extend(self._missed(unknown))
        return findings

    def _conclude_standing(
        self, unknowns: Sequence[_Unknown], saved: Mapping[int, Saved], due: Collection[int]
    ) -> list[Finding]:
        findings: list[Finding] = []
        for unknown in unknowns:
            outgoing = unknown.outgoing
            present = saved.get(outgoing.operation.resource_id or 0)
            deleted = outgoing.operation.method == "delete"
            if deleted and present is None:
                findings.append(Found(outgoing, None))
            elif not (
                deleted or present is None or self._adapter.differences(outgoing.operation.payload, present)
            ):
                findings.append(Found(outgoing, present))
            elif outgoing.entry.seq not in due:
                continue
            elif present is None:
                findings.append(unknown.given_up())  # preparing it again tells that it is gone
            elif deleted:
                findings.extend(self._missed(unknown))
            elif outgoing.before is None or present.modified != outgoing.before.modified:
                # It moved, and not (only) as meant: what is left to do, comparing again tells.
                findings.append(unknown.given_up())
            else:
                findings.extend(self._missed(unknown))
        return findings

    def _missed(self, unknown: _Unknown) -> list[Finding]:
        """Not there yet: given up once it was looked for often enough."""
        unknown.looks += 1
        enough = 1 if unknown.once else len(self._delays)
        return [unknown.given_up()] if unknown.looks >= enough else []


def _hidden(outgoing: Outgoing, in_flight: Collection[bytes]) -> bool:
    """Whether what it made cannot be told now from what the requests under way make."""
    if outgoing.draft.identity is not None:
        return False
    return outgoing.operation.payload in in_flight if outgoing.told else bool(in_flight)


def _sort(unknown: _Unknown) -> tuple[Kind, bool]:
    """What is looked for together: resources of a kind, and whether they would be new."""
    return unknown.outgoing.draft.kind, unknown.outgoing.operation.method == "create"


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
    context: RunContext, adapter: Adapter, kind: Kind, above: int, answered: Callable[[], Collection[int]]
) -> list[Saved]:
    """Resources above an id that no answer has explained: neither in a journal nor among `answered`."""
    ids = await adapter.ids_above(kind, above)
    # Asked before the journal: an answer that is in hand no more is there by now.
    told = answered()
    explained = await context.db.run(journal.journaled_ids, context.target, kind, list(ids))
    rest = [one for one in ids if one not in explained and one not in told]
    found: list[Saved] = []
    for start in range(0, len(rest), 100):
        found.extend(await adapter.read(kind, rest[start : start + 100]))
    return found
