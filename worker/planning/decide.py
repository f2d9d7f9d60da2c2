"""What becomes of one draft: create, update, delete, leave, skip or refuse. Pure: look-ups were made before.

`update` is a candidate here: whether anything changes, only the comparison with the target's state tells.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import assert_never

import msgspec
from msgspec import UNSET, Struct

from service.control.model import Control, Duplicates, Found, Gone, Match, NotFound, OnConflict
from service.store.ledger import Known
from service.store.plans import Action
from worker.planning.values import Footing
from worker.records import RESOURCES, Draft, Problem

MERGED = "merged"
"""Code of a record that was added to an earlier one of the same identity."""


class Met(Struct, frozen=True, gc=False):
    """Everything that is known about the identity of one draft before it is decided upon."""

    known: Known | None = None
    """What the ledger holds under it."""
    bearers: tuple[int, ...] = ()
    """Resources in the target that bore it when last looked at, and that the ledger does not hold."""
    earlier: Earlier | None = None
    """The record of this run that bears it too."""


class Earlier(Struct, frozen=True, gc=False):
    file: str
    row: int
    action: Action
    resource_id: int | None
    seq: int = 0


class Meaning(Struct, frozen=True, gc=False):
    """What a draft means, in digests: what the ledger compares."""

    draft: str
    media: str = ""
    """Of the media that travel with an item."""
    linked: str = ""
    """The numbers that its links lead to; see `ledger.Known.linked`."""


class Policy(Struct, frozen=True):
    """What the control file says of a destination's resources. See `control.model.Match`."""

    not_found: NotFound | None = None
    found: Found = "update"
    gone: Gone = "skip"
    duplicates: Duplicates = "reject"
    on_conflict: OnConflict = "overwrite"


class Decision(Struct, frozen=True, gc=False):
    action: Action
    resource_id: int | None = None
    problems: tuple[Problem, ...] = ()
    known: Known | None = None
    """Of an update or delete: what the ledger holds."""
    completes: int | None = None
    """Of an update: the entry of this plan that is to create the resource; of a merged record the one that it
    was added to."""


VISIBLE = frozenset({*RESOURCES, "site", "site-page"})
"""Kinds that are public or private."""


def is_merged(decision: Decision) -> bool:
    """Whether the record is added to an earlier one."""
    return decision.action == "skip" and decision.completes is not None


def policy_of(match: Match | None, on_conflict: OnConflict) -> Policy:
    if match is None:
        return Policy(on_conflict=on_conflict)
    return Policy(match.not_found, match.found, match.gone, match.duplicates, on_conflict)


def meant_digest(draft: Draft) -> str:
    """`meant` of the ledger: SHA-256 over the canonical draft, links settled."""
    return hashlib.sha256(draft.canonical()).hexdigest()


def media_digest(media: Sequence[Draft]) -> str:
    """`media_meant` of the ledger: over the media that travel with an item, and which of all its media is the
    primary one; "" when there is nothing of it."""
    digest, said = hashlib.sha256(), False
    for one in media:
        if one.identity is None:
            digest.update(b"\x1e")
            digest.update(one.canonical())
        if one.primary:
            digest.update(b"\x1d")
            digest.update(one.identity.digest.encode() if one.identity is not None else b"")
        said = said or one.primary or one.identity is None
    return digest.hexdigest() if said else ""


def with_defaults(draft: Draft, control: Control) -> Draft:
    """A draft that is to be created, with what the control file says of created resources."""
    fields = draft.fields
    if fields.public is UNSET and draft.kind in VISIBLE:
        fields = msgspec.structs.replace(fields, public=control.visibility == "public")
    if draft.kind in ("item", "item-set") and fields.sites is UNSET:
        fields = msgspec.structs.replace(fields, sites=tuple(str(site) for site in control.sites))
    return msgspec.structs.replace(draft, fields=fields)


def without_defaults(draft: Draft, meant: str | None) -> Draft:
    """A draft as it was before `with_defaults`: `meant` is its digest then. Any other stays as it is."""
    if draft.fields.public is UNSET:
        return draft
    for changes in ({"public": UNSET, "sites": UNSET}, {"public": UNSET}, {"sites": UNSET}):
        before = msgspec.structs.replace(draft, fields=msgspec.structs.replace(draft.fields, **changes))
        if meant_digest(before) == meant:
            return before
    return draft


def decide(draft: Draft, meaning: Meaning, met: Met, policy: Policy, listing: Mapping[int, str]) -> Decision:
    """What becomes of a draft that has an identity.

    `listing`: id → modified of everything of its kind that stands in the target now.
    """
    if met.earlier is not None and draft.action == "new" and policy.duplicates == "merge":
        note = (
            f"{_name(draft)} was in {met.earlier.file} row {met.earlier.row} already: what this record says "
            "was added to that one."
        )
        return Decision("skip", problems=(Problem("warning", MERGED, note),), completes=met.earlier.seq)
    if met.earlier is not None and draft.action == "new":
        return _refuse(
            "duplicate-identity",
            f"{_name(draft)} was in {met.earlier.file} row {met.earlier.row} already. "
            "One identifier may stand for one record of a batch: correct one of the two.",
        )
    if met.known is not None and met.known.resource_id not in listing:
        return _decide_gone(draft, met.known, policy.gone)
    if met.known is not None:
        return _decide_found(draft, met.known.resource_id, met.known, meaning, policy, listing)
    if len(met.bearers) > 1:
        ids = ", ".join(str(one) for one in met.bearers)
        return _refuse(
            "ambiguous-identity",
            f"{_name(draft)} is borne by several resources in the target: {ids}. Nothing was chosen; "
            "take the identifier off all but one of them.",
        )
    if met.bearers:
        return _decide_found(draft, met.bearers[0], None, meaning, policy, listing)
    if met.earlier is not None and met.earlier.action == "create":
        return _decide_made(draft, met.earlier)
    return _decide_not_found(draft, policy.not_found)


def _decide_gone(draft: Draft, known: Known, gone: Gone) -> Decision:
    what = (
        f"{_name(draft)} was imported as {draft.kind} {known.resource_id}, which somebody has deleted since."
    )
    match gone:
        case "create" if draft.action == "new":
            note = Problem("warning", "gone", f"{what} It is created again, as the control file says.")
            return Decision("create", problems=(note,))
        case "skip" | "create":
            note = Problem("warning", "gone", f"{what} It is not created again.")
            return Decision("skip", known.resource_id, (note,))
        case "reject":
            return Decision("reject", known.resource_id, (Problem("reject", "gone", what),))
        case _:
            assert_never(gone)


def _decide_found(
    draft: Draft,
    resource_id: int,
    known: Known | None,
    meaning: Meaning,
    policy: Policy,
    listing: Mapping[int, str],
) -> Decision:
    if draft.action == "delete":
        return Decision("delete", resource_id, known=known)
    if draft.action == "new" and policy.found != "update":
        what = f"{_name(draft)} stands in the target as {draft.kind} {resource_id} already"
        if policy.found == "reject":
            return Decision("reject", resource_id, (Problem("reject", "found", f"{what}."),))
        note = f"{what}, and the control file says to leave such records alone."
        return Decision("skip", resource_id, (Problem("warning", "found-skipped", note),))
    if known is not None and is_unchanged(known, meaning, listing[resource_id], policy.on_conflict):
        return Decision("unchanged", resource_id, known=known)
    if draft.action == "load" and not changes_anything(draft):
        return Decision("unchanged", resource_id)
    return Decision("update", resource_id, known=known)


def is_unchanged(known: Known, meaning: Meaning, modified: str, on_conflict: OnConflict) -> bool:
    """The same was meant when it was written, nobody has touched it since, and no edit that was kept then is
    to be judged now."""
    return (
        known.meant == meaning.draft
        and known.modified == modified
        and known.linked == meaning.linked
        and known.withdrawn is None
        and (on_conflict == "keep" or not _edits_stand(known))
    )


def _edits_stand(known: Known) -> bool:
    """Whether the resource has edits of others that no record has settled."""
    if known.footing is None:
        return False
    footing = msgspec.json.decode(known.footing, type=Footing)
    return bool(footing.added or footing.removed)


def _decide_made(draft: Draft, earlier: Earlier) -> Decision:
    """An earlier record of this run creates it: in the plan it stands already."""
    if draft.action == "delete":
        return _refuse(
            "delete-new",
            f"{_name(draft)} is created by {earlier.file} row {earlier.row} of the same batch, and this "
            "record would delete it again: correct one of the two.",
        )
    if not changes_anything(draft):
        return Decision("unchanged", completes=earlier.seq)
    return Decision("update", completes=earlier.seq)


def _decide_not_found(draft: Draft, not_found: NotFound | None) -> Decision:
    if not_found is None or (not_found == "create" and draft.action == "delete"):
        not_found = "create" if draft.action == "new" else "reject"
    match not_found:
        case "create":
            return Decision("create")
        case "skip":
            note = f"{_name(draft)} is not in the target, and the control file says to skip such records."
            return Decision("skip", None, (Problem("warning", "not-found-skipped", note),))
        case "reject":
            return _refuse("not-found", f"{_name(draft)} is not in the target.")
        case _:
            assert_never(not_found)


def changes_anything(draft: Draft) -> bool:
    """Whether the draft says anything of its resource, beyond which one it is."""
    return bool(draft.properties) or draft.fields != type(draft.fields)()


def _refuse(code: str, message: str) -> Decision:
    return Decision("reject", None, (Problem("reject", code, message),))


def _name(draft: Draft) -> str:
    assert draft.identity is not None
    separator = " or " if draft.identity.alternatives else " + "
    return f"{separator.join(draft.identity.by)} “{draft.identity.shown}”"
