"""Files that become thumbnails: an asset for each, once, however many records name it.

Which records are written in the end only the whole plan tells; so the assets are planned when it is made, and
stand in front of all that names them. They are called after their bytes: what stands there under such a name
is the same picture, whoever brought it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from service.store import plans
from service.store.plans import Entry, EntryFilter
from worker.context import RunContext
from worker.planning.changes import Changes
from worker.planning.decide import meant_digest
from worker.planning.entries import DEPTHS
from worker.planning.uploads import file_digest
from worker.records import Draft, Fields, Identity, MediaSource, picture_name
from worker.targets.base import Adapter

SLICE = 500
ORDINAL = 300_000
"""What the ordinal of an asset is more by than that of the resource whose thumbnail it becomes."""
_WRITTEN = EntryFilter(actions=("create", "update"))


def asset_of(picture: MediaSource, ordinal: int = 0) -> Draft:
    """The asset that is made of a file. The file must have been found."""
    assert picture.content is not None, "what was not found is no thumbnail"
    digest = picture.content.digest
    name = picture_name(digest)
    return Draft(
        "asset",
        "asset",
        ordinal,
        identity=Identity("", ("name",), (name,)),
        fields=Fields(own={"name": name}),
        source=msgspec.structs.replace(picture, source=digest),
    )


class PicturePass:
    """Adds entries to the plan of one run, behind all others."""

    def __init__(self, context: RunContext, adapter: Adapter, *, wanted: bool) -> None:
        """`wanted`: whether the control file names any such file."""
        self._context = context
        self._adapter = adapter
        self._wanted = wanted

    def entries(self, first: int) -> Iterator[list[Entry]]:
        """Numbered from `first`, in chunks."""
        seq, after, met = first, 0, set[str]()
        while self._wanted and (page := self._page(after, first)):
            self._context.check()
            after = page[-1].seq
            found = [entry for one in page if (entry := self._entry(one, met)) is not None]
            if found:
                yield [msgspec.structs.replace(one, seq=seq + place) for place, one in enumerate(found)]
                seq += len(found)

    def _page(self, after: int, before: int) -> list[Entry]:
        run_id = self._context.claim.run_id
        page = plans.read_plan(self._context.db, run_id, after=after, limit=SLICE, wanted=_WRITTEN)
        return [one for one in page if one.seq < before]

    def _entry(self, entry: Entry, met: set[str]) -> Entry | None:
        """The asset that an entry needs first; None where it needs none, or it stands or was met."""
        if entry.draft is None or b'"picture"' not in entry.draft:
            return None
        draft = msgspec.json.decode(entry.draft, type=Draft)
        picture = draft.picture
        if picture is None or picture.content is None or not _sets(entry):
            return None
        name = draft.fields.thumbnail
        if name != picture_name(picture.content.digest) or name in met or self._adapter.has_asset(name):
            return None
        met.add(name)
        return _created(entry, asset_of(picture, entry.ordinal + ORDINAL), picture)


def _sets(entry: Entry) -> bool:
    """Whether the entry gives its resource another thumbnail."""
    if entry.action == "create" or entry.changes is None:
        return True
    changes = msgspec.json.decode(entry.changes, type=Changes)
    return any(one.name == "thumbnail" for one in changes.changes)


def _created(of: Entry, draft: Draft, picture: MediaSource) -> Entry:
    assert draft.identity is not None
    return Entry(
        seq=0,
        file=of.file,
        row=of.row,
        ordinal=draft.ordinal,
        destination=draft.destination,
        kind=draft.kind,
        action="create",
        identifier=picture.value,
        scope=draft.identity.scope,
        by=draft.identity.by_text,
        key_digest=draft.identity.digest,
        depth=DEPTHS[draft.kind],
        draft=msgspec.json.encode(draft),
        meant=meant_digest(draft),
        media_meant=file_digest(draft),
        linked="",
    )
