"""Uploads that drafts name as their files: found among those of the batch, and told apart by digest.

Omeka takes the file of an asset when it is created and never again, so what came of it is remembered by its
digest (`media_meant` of the ledger). Pure; the files of the batch were listed before.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from service.control.suggest import nearest
from worker.planning.decide import Decision, Meaning
from worker.records import Draft, Mapped, MediaSource, Problem


class Uploads:
    """The files of a batch: name → digest."""

    def __init__(self, digests: Mapping[str, str] | None = None) -> None:
        self._digests = digests or {}
        self._known = frozenset(self._digests.values())

    def settle(self, mapped: Mapped) -> Mapped:
        """The record with the digests of the files that it names; one that is not there rejects it."""
        if not any(draft.kind == "asset" and draft.source is not None for draft in mapped.drafts):
            return mapped
        drafts: list[Draft] = []
        problems = list(mapped.problems)
        for draft in mapped.drafts:
            if draft.kind == "asset" and draft.source is not None:
                digest = self._digest(draft.source.value)
                if digest is None:
                    problems.append(self._missing(draft.source.value))
                else:
                    source = MediaSource("upload", draft.source.value, digest)
                    draft = msgspec.structs.replace(draft, source=source)
            drafts.append(draft)
        return msgspec.structs.replace(mapped, drafts=tuple(drafts), problems=tuple(problems))

    def _digest(self, name: str) -> str | None:
        found = self._digests.get(name)
        return found if found is not None else name if name in self._known else None

    def _missing(self, name: str) -> Problem:
        meant = nearest(name, self._digests)
        hint = f" Did you mean “{meant}”?" if meant else " Upload it to this batch under that name."
        message = f"The batch has no file “{name}”.{hint}"
        return Problem("reject", "file-missing", message, value=name)


def file_digest(draft: Draft) -> str:
    """The digest of the file that a draft brings; "" where it brings none."""
    if draft.kind != "asset" or draft.source is None:
        return ""
    return draft.source.source or ""


def of_file(draft: Draft, meaning: Meaning, decision: Decision) -> Decision:
    """A decision about an asset, with what its file says to it."""
    if draft.kind != "asset":
        return decision
    if decision.action == "create" and draft.source is None:
        note = (
            "The asset is not in the target, and a new one is made of a file: name one of the uploads with "
            "`file`."
        )
        return Decision("reject", None, (Problem("reject", "asset-without-file", note),))
    if decision.action not in ("update", "unchanged") or draft.source is None:
        return decision
    known = decision.known
    if known is None or not known.media_meant:
        note = (
            "This asset stood in the target already. Omeka does not tell what is in its file, so that was "
            f"not compared with “{draft.source.value}”, and stays as it is."
        )
        return _noted(decision, Problem("warning", "file-not-compared", note))
    if known.media_meant != meaning.media:
        note = (
            f"“{draft.source.value}” is another file than the one that this asset was made of, and Omeka "
            "takes no new file for an asset. Give it another name: then it becomes an asset of its own."
        )
        return Decision("reject", decision.resource_id, (Problem("reject", "asset-file-changed", note),))
    return decision


def _noted(decision: Decision, problem: Problem) -> Decision:
    return msgspec.structs.replace(decision, problems=(*decision.problems, problem))
