"""One record of a report: what, where, why, and what to do; in all runs that speak of it."""

from __future__ import annotations

from msgspec import Struct
from starlette.responses import Response

from service.admin.advice import advice
from service.admin.batch_head import BatchHead, batch_head
from service.admin.instructions import Instruction
from service.admin.progress import title
from service.admin.report_views import cut, name_of, only_planned, outcome_of, url_of
from service.admin.site import Page, Visit
from service.admin.used_control import instructions_of
from service.admin.words import Tone, outcome_meaning
from service.errors import refusal, shown
from service.store.batches import batch_files
from service.store.database import Database
from service.store.retention import GONE_PHASES
from service.store.run_reports import Reported, row_of, rows_of_record
from service.store.runs import RunFacts
from service.store.said import Said

MOST_ENTRIES = 50
"""Resources of a record that are shown of a run."""
MOST_RUNS = 20
MOST_MESSAGE = 4000


class Nothing(Struct, frozen=True):
    pass


class SaidView(Struct, frozen=True):
    said: Said
    message: str
    instruction: Instruction | None
    advice: str


class EntryView(Struct, frozen=True):
    """A resource of the record. `meaning`: of its outcome."""

    entry: Reported
    tone: Tone
    outcome: str
    meaning: str
    url: str | None
    said: list[SaidView]


class RunView(Struct, frozen=True):
    """What a run says of the record; `more`: it has further resources."""

    run: RunFacts
    entries: list[EntryView]
    more: bool
    log: str
    """Address of the log's lines about it."""


async def show_record(visit: Visit) -> Response:
    visit.query(Nothing)
    head = await batch_head(visit)
    entry = await _entry(visit, head)
    ids = [run.id for run in head.runs if run.phase not in GONE_PHASES][:MOST_RUNS]
    found = await visit.db.run(_rows, [*dict.fromkeys((entry.run_id, *ids))], entry)
    pointers = [said.pointer for one in found for said in one.said]
    instructions = await instructions_of(visit, head, pointers)
    target = visit.services.settings.targets.get(head.batch.target)

    def view(one: Reported) -> EntryView:
        tone, words = outcome_of(one)
        said = [
            SaidView(
                said,
                cut(said.message, MOST_MESSAGE),
                instructions.get(said.pointer),
                advice(said.code, said.weight),
            )
            for said in one.said
        ]
        meaning = outcome_meaning(one.outcome or "")
        return EntryView(one, tone, words, meaning, url_of(one, target), said)

    spoken = []
    for run in sorted(head.runs, key=lambda run: run.id != entry.run_id):
        own = [one for one in found if one.run_id == run.id]
        if own:
            log = visit.address(f"{head.path}/log", run=run.id, level="debug", text=_sought(own))
            spoken.append(
                RunView(run, [view(one) for one in own[:MOST_ENTRIES]], len(own) > MOST_ENTRIES, log)
            )
    files = await visit.db.run(batch_files, head.batch.id)
    return await visit.render(
        "record.html",
        head=head,
        entry=entry,
        name=name_of(entry),
        spoken=spoken,
        file=next((file for file in files if file.name == entry.file), None),
        run_title=title,
        only_planned=only_planned,
        back=visit.address(f"{head.path}/report", run=entry.run_id),
    )


async def _entry(visit: Visit, head: BatchHead) -> Reported:
    """The entry in the address. Raises `ApiError` 404, 410."""
    run_id, seq = visit.path("run_id"), visit.path("seq")
    run = next((run for run in head.runs if run.id == run_id), None)
    if run is None:
        raise refusal(404, "run-unknown", f"Run not found: {shown(run_id)[1:-1]}")
    if run.phase in GONE_PHASES:
        raise refusal(410, "removed", "The report of this run is kept no longer.")
    number = int(seq) if seq.isascii() and seq.isdigit() and len(seq) < 10 else 0
    found = await visit.db.run(row_of, run_id, number)
    if found is None:
        raise refusal(404, "path-unknown", f"The run has no record {shown(seq)}.")
    return found


def _rows(db: Database, run_ids: list[str], entry: Reported) -> list[Reported]:
    """All that is known of its record; only itself of what belongs to none, such as what is absent."""
    if not entry.file:
        return [entry]
    return rows_of_record(db, run_ids, entry.file, entry.row, MOST_ENTRIES + 1)


def _sought(entries: list[Reported]) -> str | None:
    return next((one.identifier for one in entries if one.identifier), None)


PAGES = (Page("GET", "/admin/batches/{batch_id}/report/{run_id}/{seq}", show_record, section="batches"),)
