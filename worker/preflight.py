"""The first stage of a run, and of a check: the control file read, the target proven, every name found there.

Runs and checks call the same functions, so that a check cannot be content with what a run refuses.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import anyio.to_thread

from service.control.model import Control
from service.control.names_used import names_used
from service.control.offered import not_offered
from service.control.parse import parse_control
from service.control.problems import ControlProblem
from service.settings import TargetSettings
from service.store import statuses
from service.store.blobs import BlobMissingError, BlobStore, Digest
from service.store.database import Database
from worker.errors import AccessionError, Fatal, Held
from worker.mapping.compiler import ControlNotRunnable, compile_control
from worker.mapping.lookups import CustomVocabulary, VocabularyLookups
from worker.records import Problem
from worker.targets.base import Adapter, NamesUnknown, Resolver, SiteFacts


async def read_control(blobs: BlobStore, digest: str) -> tuple[Control, tuple[ControlProblem, ...]]:
    """The control file and what may not be meant so in it.

    Raises `Fatal`: the bytes are gone, are no control file, or ask for what is not offered yet.
    """
    data = await anyio.to_thread.run_sync(_read_blob, blobs, Digest(digest))
    parsed = parse_control(data)
    if parsed.control is None:
        lines = "\n".join(str(problem) for problem in parsed.problems)
        raise Fatal("control-invalid", f"The control file has errors:\n{lines}")
    missing = not_offered(parsed.control)
    if missing:
        raise Fatal("not-offered", "\n".join(missing))
    return parsed.control, parsed.warnings


def _read_blob(blobs: BlobStore, digest: Digest) -> bytes:
    try:
        return b"".join(blobs.open_range(digest))
    except BlobMissingError as error:
        raise Fatal(
            "blob-missing", f"The store no longer holds the bytes {digest}. Upload them again."
        ) from error


async def prove(
    db: Database, name: str, settings: TargetSettings, call: Callable[[], Awaitable[SiteFacts]]
) -> SiteFacts:
    """Prove address and key of a target, and keep what was seen. `call`: the adapter's `prove`, or one
    that is patient with outages; what it raises is raised."""
    try:
        site = await call()
    except Held:
        # It was not asked, so nothing was seen.
        raise
    except AccessionError as error:
        await db.run(
            statuses.record_status, target=name, address=settings.api, ok=False, message=error.message
        )
        raise
    await db.run(
        statuses.record_status,
        target=name,
        address=settings.api,
        ok=True,
        message=f"{site.address} answers, and the key is good.",
        version=site.version,
    )
    return site


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the target says of a control file. `problems` empty: it can be run there."""

    resolver: Resolver
    problems: tuple[Problem, ...]
    unknown: frozenset[str]
    """The names among the problems that are not in the target."""

    @property
    def lookups(self) -> VocabularyLookups:
        """For mapping: a vocabulary that is among the problems already takes anything."""
        return _Lenient(self.resolver) if self.unknown else self.resolver

    def require(self) -> Resolver:
        """The resolver. Raises `Fatal` with a line for each problem."""
        if self.problems:
            code = "names-unknown" if self.unknown else "control-not-runnable"
            raise Fatal(code, "\n".join(problem_line(problem) for problem in self.problems))
        return self.resolver


async def preflight(control: Control, adapter: Adapter) -> Preflight:
    """Every name of the control file against the target, and every instruction against its vocabularies.

    Raises what `Adapter.resolve` raises of a target that cannot be asked.
    """
    try:
        resolver = await adapter.resolve(names_used(control))
    except NamesUnknown as error:
        found = Preflight(error.resolver, error.problems, frozenset(one.value for one in error.problems))
    else:
        found = Preflight(resolver, (), frozenset())
    refused = compile_problems(control, found.lookups)
    return Preflight(found.resolver, (*_of_model(control, adapter), *found.problems, *refused), found.unknown)


def _of_model(control: Control, adapter: Adapter) -> tuple[Problem, ...]:
    if control.model in ("omeka", adapter.kind):
        return ()
    message = (
        f"The control file is for the model {control.model}, and the target is of the kind {adapter.kind}. "
        "Choose a target of that kind, or change the model."
    )
    return (Problem("stop", "model-other", message, "/model", control.model),)


def compile_problems(control: Control, lookups: VocabularyLookups) -> tuple[Problem, ...]:
    """Why instructions cannot be carried out, each problem once."""
    problems: dict[Problem, None] = {}
    for spec in control.files:
        try:
            compile_control(control, spec, lookups)
        except ControlNotRunnable as error:
            problems.update(dict.fromkeys(error.problems))
    return tuple(problems)


def problem_line(problem: Problem) -> str:
    """Pointer and message; many messages begin with their pointer already."""
    if not problem.pointer or problem.message.startswith(problem.pointer):
        return problem.message
    return f"{problem.pointer}: {problem.message}"


class _Lenient:
    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def custom_vocabulary(self, label: str) -> CustomVocabulary | None:
        return self._resolver.custom_vocabulary(label) or CustomVocabulary(label, "unlisted")
