"""The sources that a control file reads from: found in the settings, proven, and read for the batch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import assert_never

from service.control.model import Control, FileSpec, SiteReader
from service.settings import Settings, SourceSettings
from service.store import batches, runs, sources
from service.store.blobs import BlobStore
from service.store.database import Database
from service.store.outcomes import state_of
from service.store.sources import Pull
from worker.context import RunContext
from worker.errors import Fatal, Retriable
from worker.sources.asking import SourceHttp
from worker.sources.omeka_classic import OmekaClassicSite
from worker.sources.omeka_s import OmekaSSite
from worker.sources.pulling import Pulling
from worker.sources.site import Proof, Site
from worker.stopping import StoppedError
from worker.targets.backoff import pause

OVERLAP = timedelta(seconds=2)
"""A source compares whole seconds, strictly."""


async def read_sources(context: RunContext, settings: Settings, blobs: BlobStore, control: Control) -> None:
    """Make a file of the batch of each source that the control file reads from, unless it is there already.

    Raises `Fatal` where a source is not in the settings, is away, is none, or does not know its key;
    `StoppedError`.
    """
    there = {file.name for file in await context.db.run(batches.batch_files, context.batch_id)}
    for spec in control.files:
        if isinstance(spec.reader, SiteReader) and spec.pattern not in there:
            await _read(context, settings, blobs, spec, spec.reader)


async def _read(
    context: RunContext, settings: Settings, blobs: BlobStore, spec: FileSpec, reader: SiteReader
) -> None:
    source = source_settings(settings, reader, context.target)
    site = make_site(source, reader, SourceHttp(reader.source, source, context.stop))
    proof = await _proven(context, site, settings.outage)
    context.log.say("info", "source-reading", f"{source.site}: {proof.said}", file=spec.pattern)
    pull = await context.db.run(sources.pull_of, context.batch_id, spec.pattern)
    if pull is None:
        since = await _since(context, reader, spec.pattern)
        # What was read from a date on that somebody has said may leave something out before it.
        mark = proof.clock if reader.since in ("", "last") else ""
        pull = Pull(context.batch_id, spec.pattern, reader.source, since, mark, 0, ended=False)
        await context.db.run(sources.begin_pull, context.claim, pull)
    pulling = Pulling(context, blobs, site, pull, size=source.per_page, outage=settings.outage)
    await pulling.carry_out(reader.resources)


def source_settings(settings: Settings, reader: SiteReader, target: str) -> SourceSettings:
    """Raises `Fatal`."""
    found = settings.sources.get(reader.source)
    if found is None:
        known = ", ".join(sorted(settings.sources)) or "none"
        message = f"The source {reader.source!r} is not in the settings; configured: {known}."
        raise Fatal("source-unknown", message)
    if found.kind != reader.kind:
        message = f'The source {reader.source!r} is an {found.kind}: read it with "read": "{found.kind}".'
        raise Fatal("source-unknown", message)
    if found.targets and target not in found.targets:
        message = (
            f"The source {reader.source!r} may not be read into the target {target}. Its settings allow "
            f"{', '.join(found.targets)}."
        )
        raise Fatal("source-forbidden", message)
    return found


def make_site(settings: SourceSettings, reader: SiteReader, http: SourceHttp) -> Site:
    match settings.kind:
        case "omeka-s":
            return OmekaSSite(http)
        case "omeka-classic":
            return OmekaClassicSite(http, whatever_there_is=reader.preset is not None)
        case _:
            assert_never(settings.kind)


async def _proven(context: RunContext, site: Site, outage: float) -> Proof:
    waited, attempt = 0.0, 0
    while True:
        attempt += 1
        try:
            return await site.prove()
        except Retriable as error:
            if waited >= outage:
                message = (
                    f"The source “{site.http.name}” cannot be reached: {error.message} Nothing was written."
                )
                raise Fatal("source-down", message) from error
            seconds = pause(attempt, error.retry_after)
            waited += seconds
            if await context.stop.wait(seconds):
                raise StoppedError from None


async def _since(context: RunContext, reader: SiteReader, file: str) -> str:
    """From when on changes are read; "": everything."""
    if reader.since != "last":
        return _instant(datetime.fromisoformat(reader.since)) if reader.since else ""
    for mark, batch_id in await context.db.run(sources.marks, context.batch_id, file, reader.source):
        if await context.db.run(_all_imported, batch_id):
            return _instant(datetime.fromisoformat(mark) - OVERLAP)
    text = (
        f"There is no earlier batch with this very control file of which everything that {reader.source} had "
        f"was imported into {context.target}: all of it is read."
    )
    context.log.say("info", "source-reading", text, file=file)
    return ""


def _instant(moment: datetime) -> str:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def _all_imported(db: Database, batch_id: str) -> bool:
    """Whether all that was read for a batch was carried out, and stands."""
    every = runs.runs_of_batch(db, batch_id)
    if state_of(db, every) != "complete":
        return False
    return any(
        run.mode == "import"
        and run.ending == "finished"
        and not run.options.only
        and run.options.limit is None
        for run in every
    )
