"""What carries a run out, put together from its parts."""

from __future__ import annotations

from dataclasses import dataclass

from service.settings import Settings, TargetSettings
from service.store.blobs import BlobStore
from worker.applying.fetched import Fetched
from worker.applying.originals import Originals
from worker.applying.outage import Outage
from worker.applying.prepared import Ways
from worker.applying.preparing import Preparer
from worker.context import RunContext
from worker.fetching import Fetcher, Reachable, origin
from worker.sources.files import SourceFiles
from worker.targets.base import Adapter


@dataclass(frozen=True, slots=True)
class Tools:
    """What an import writes with."""

    context: RunContext
    adapter: Adapter
    outage: Outage
    blobs: BlobStore
    settings: Settings
    target: TargetSettings


def import_preparer(tools: Tools, ways: Ways) -> Preparer:
    settings, target = tools.settings, tools.target
    # What Omeka keeps is fetched from where it is: at its own address.
    omeka = Fetcher(Reachable(settings.largest_fetch, frozenset({origin(target.site)})))
    web = Fetcher(Reachable(settings.largest_fetch, frozenset(map(origin, settings.fetch_from))))
    rules = tools.adapter.file_rules
    return Preparer(
        tools.context,
        tools.adapter,
        tools.outage,
        ways,
        Originals(tools.context, tools.adapter, tools.outage, tools.blobs, omeka),
        Fetched(
            tools.context,
            tools.blobs,
            SourceFiles(settings, web),
            rules,
            by_target=target.allow_url_ingest,
        ),
    )
