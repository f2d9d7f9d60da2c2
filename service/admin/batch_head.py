"""What all pages of one batch begin with."""

from __future__ import annotations

from msgspec import Struct

from service.admin.site import Visit
from service.api.naming import the_batch
from service.store.batches import BatchFacts
from service.store.outcomes import state_of
from service.store.runs import RunFacts, runs_of_batch
from service.store.states import ACTIVE, BatchState


class BatchHead(Struct, frozen=True):
    """A batch, its runs (newest first), and its state."""

    batch: BatchFacts
    runs: list[RunFacts]
    state: BatchState

    @property
    def active(self) -> RunFacts | None:
        """The run that goes on, if one does."""
        return self.runs[0] if self.runs and self.runs[0].state in ACTIVE else None

    @property
    def path(self) -> str:
        return f"/admin/batches/{self.batch.id}"


async def batch_head(visit: Visit) -> BatchHead:
    """Of the batch in the address. Raises `ApiError` 404."""
    batch = await the_batch(visit, visit.path("batch_id"))
    runs = await visit.db.run(runs_of_batch, batch.id)
    return BatchHead(batch, runs, await visit.db.run(state_of, runs))
