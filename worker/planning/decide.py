"""What becomes of one draft: create, leave, skip or refuse. Pure: all look-ups were made before."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import assert_never

import msgspec
from msgspec import UNSET, Struct

from service.control.model import Control, NotFound
from service.store.ledger import Known
from service.store.plans import Action
from worker.records import Draft, Problem


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


class Decision(Struct, frozen=True, gc=False):
    action: Action
    resource_id: int | None = None
    problems: tuple[Problem, ...] = ()


def meant_digest(draft: Draft, media: Sequence[Draft]) -> str:
    """`meant` of the ledger: SHA-256 over the canonical draft and the media that travel with it."""
    digest = hashlib.sha256(draft.canonical())
    for one in media:
        digest.update(b"\x1e")
        digest.update(one.canonical())
    return digest.hexdigest()


def with_defaults(draft: Draft, control: Control) -> Draft:
    """A draft that is to be created, with what the control file says of created resources."""
    fields = draft.fields
    if fields.public is UNSET:
        fields = msgspec.structs.replace(fields, public=control.visibility == "public")
    if draft.kind != "media" and fields.sites is UNSET:
        fields = msgspec.structs.replace(fields, sites=tuple(str(site) for site in control.sites))
    return msgspec.structs.replace(draft, fields=fields)


def decide(
    draft: Draft, meant: str, met: Met, not_found: NotFound | None, listing: Mapping[int, str]
) -> Decision:
    """What becomes of a draft that has an identity.

    `listing`: id → modified of everything of its kind that stands in the target now.
    """
    if met.earlier is not None and draft.action == "new":
        return _refuse(
            "duplicate-identity",
            f"{_name(draft)} was in {met.earlier.file} row {met.earlier.row} already. "
            "One identifier may stand for one record of a batch: correct one of the two.",
        )
    if met.known is not None:
        return _decide_known(draft, meant, met.known, listing)
    if len(met.bearers) > 1:
        ids = ", ".join(str(one) for one in met.bearers)
        return _refuse(
            "ambiguous-identity",
            f"{_name(draft)} is borne by several resources in the target: {ids}. Nothing was chosen; "
            "take the identifier off all but one of them.",
        )
    if met.bearers:
        return _decide_found(draft, met.bearers[0])
    return _decide_not_found(draft, not_found)


def _decide_known(draft: Draft, meant: str, known: Known, listing: Mapping[int, str]) -> Decision:
    modified = listing.get(known.resource_id)
    if modified is None:
        return Decision(
            "skip",
            known.resource_id,
            (
                Problem(
                    "warning",
                    "gone",
                    f"{_name(draft)} was imported as {draft.kind} {known.resource_id}, which somebody has "
                    "deleted since. It is not created again.",
                ),
            ),
        )
    if known.meant == meant and modified == known.modified:
        return Decision("unchanged", known.resource_id)
    return _decide_found(draft, known.resource_id)


def _decide_found(draft: Draft, resource_id: int) -> Decision:
    if draft.action == "load" and not changes_anything(draft):
        return Decision("unchanged", resource_id)
    return Decision(
        "reject",
        resource_id,
        (
            Problem(
                "reject",
                "update-not-offered",
                f"{_name(draft)} stands in the target as {draft.kind} {resource_id} and differs. "
                "This version creates records and recognises unchanged ones; it does not update yet.",
            ),
        ),
    )


def _decide_not_found(draft: Draft, not_found: NotFound | None) -> Decision:
    if not_found is None:
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
    return f"{' + '.join(draft.identity.by)} “{draft.identity.shown}”"
