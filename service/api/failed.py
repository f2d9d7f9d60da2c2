"""The records that were not written, given back as they came, to be corrected and brought again."""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta, Struct
from starlette.responses import Response

from service.api.context import PREFIX, Call, Operation
from service.api.download import BYTES, attachment
from service.api.naming import require_records, the_batch
from service.errors import ApiError, Problem, refusal, shown
from service.store.batches import BatchFacts, FileFacts, batch_files
from service.store.blobs import BlobMissingError
from service.store.failed_files import FailedFile, failed_files, failing_run
from service.store.runs import RunFacts, runs_of_batch


class FailedQuery(Struct, frozen=True):
    file: Annotated[
        str | None,
        Meta(
            description="The input file, by its name in the control file; not needed if it is the only one."
        ),
    ] = None


async def get_failed(call: Call) -> Response:
    query = call.query(FailedQuery)
    batch = await the_batch(call, call.path("batch_id"))
    await require_records(call, batch)
    runs = await call.db.run(runs_of_batch, batch.id)
    run_id = failing_run(runs)
    if run_id is None:
        raise refusal(404, "nothing-failed", _not_run(runs))
    files = await call.db.run(batch_files, batch.id)
    found = _chosen(batch, files, await call.db.run(failed_files, run_id), query.file)
    uploaded = next((file.filename for file in files if file.name == found.name), "")
    try:
        return await attachment(
            call, found.digest, found.size, f"failed-{download_name(found.name, uploaded)}"
        )
    except BlobMissingError:
        message = (
            f"The store no longer holds the failed records of {shown(found.name)}. The report names them:"
            " GET batch/ID/report?outcome=rejected"
        )
        raise refusal(404, "file-unknown", message, "file") from None


def _not_run(runs: list[RunFacts]) -> str:
    if runs:
        return (
            "Nothing is known to have failed: no run of the batch has ended yet. Wait: GET batch/ID?wait=60"
        )
    return "Nothing has failed: the batch was never run."


def _chosen(
    batch: BatchFacts, files: list[FileFacts], failed: list[FailedFile], wanted: str | None
) -> FailedFile:
    """Raises `ApiError` 404 when nothing failed, 400 when it must be said which of several is meant."""
    if wanted is not None:
        for one in failed:
            if one.name == wanted:
                return one
        if wanted not in [file.name for file in files]:
            raise refusal(404, "file-unknown", f"The batch has no file {shown(wanted)}.", "file")
        raise refusal(404, "nothing-failed", f"No record of {shown(wanted)} failed.", "file")
    if not failed:
        raise refusal(404, "nothing-failed", "No record of the batch failed: there is nothing to give back.")
    if len(failed) > 1:
        problems = [
            Problem(
                f"file is missing: records of several files failed. Of {shown(one.name)} {one.records}:"
                f" GET batch/{batch.id}/failed?file={one.name}",
                "parameter-missing",
                "file",
            )
            for one in failed
        ]
        raise ApiError(400, problems)
    return failed[0]


def download_name(name: str, uploaded: str) -> str:
    """What the file was called when it was uploaded, in letters that a header may have."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", uploaded.rsplit("/", 1)[-1] or name)
    return plain[-100:]


OPERATIONS = (
    Operation(
        method="GET",
        path=f"{PREFIX}/batch/{{batch_id}}/failed",
        handler=get_failed,
        summary="Read the records that were not written, in the format they came in",
        scope="read",
        query=FailedQuery,
        answers={200: BYTES},
        errors=(400, 404, 410),
    ),
)
