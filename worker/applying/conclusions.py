"""What a look at the target concludes about a write whose answer was lost, as a result to be recorded."""

from __future__ import annotations

from typing import assert_never

from service.store.changes import NOTHING
from worker.applying.reconcile import Found, Several
from worker.applying.results import Deleted, Uncertain, Written
from worker.targets.base import Adapter


def concluded(adapter: Adapter, finding: Found | Several) -> Written | Deleted | Uncertain:
    match finding:
        case Found(outgoing=outgoing, saved=None):
            return Deleted(outgoing, adopted=True)
        case Found(outgoing=outgoing, saved=saved):
            assert saved is not None
            # Where the request can no longer be told, there is nothing to compare with: the next import does.
            found = adapter.differences(outgoing.operation.payload, saved) if outgoing.told else ()
            # What stands there beside what was meant may be somebody's edit since.
            return Written(outgoing, saved, tuple(one for one in found if one.meant != NOTHING), adopted=True)
        case Several(outgoing=outgoing, ids=ids):
            return Uncertain(outgoing, ids)
        case _:
            assert_never(finding)
