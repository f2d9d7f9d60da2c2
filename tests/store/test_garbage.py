"""What is kept no longer goes, and nothing else: each kind at the edge of its age, whatever breaks it off."""

from __future__ import annotations

import os
from typing import Any

import pytest
from sqlalchemy import insert, update

from service.store import (
    batches,
    garbage,
    garbage_bytes,
    garbage_rows,
    garbage_runs,
    held,
    links,
    plans,
    runs,
    tasks,
    undo,
)
from service.store.batches import BatchAppliedError, NewBatch, NewFile
from service.store.blobs import BlobMissingError
from service.store.database import Database
from service.store.failed_files import failed_files
from service.store.garbage import Line
from service.store.links import KeyRow
from service.store.logs import read_log
from service.store.outcomes import counts_of, state_of
from service.store.plans import EntryOutcome
from service.store.put_back import numbers_now
from service.store.removed import BatchRemovedError, PlanRemovedError
from service.store.retention import Retention
from service.store.runs import RunActiveError
from service.store.tables import (
    blob,
    log_line,
    operation,
    plan_entry,
    plan_link,
    report_group,
    report_line,
    stray_effect,
    task,
    upload,
)
from service.store.tasks import TargetCheck
from tests.store.garbage_world import RETENTION, World, now
from tests.store.support import entry
from tests.store.test_undo import did, intend

EVERYTHING = Retention(uploads=1e-4, dry_runs=1e-4, batches=1e-4, reports=1e-4, undo=1e-4)
"""No more than seconds."""
FOR_EVER = Retention()


EDGE = 0.01
"""Days."""


# --- bytes ------------------------------------------------------------------------------------------


def test_bytes_that_no_batch_uses_go_when_their_days_are_over(world: World) -> None:
    digest = world.upload(b"nobody's")
    world.let_pass(7 - EDGE)
    assert world.collect() == {}
    assert world.there(digest)
    world.let_pass(2 * EDGE)
    assert world.collect() == {"uploads": Line("uploads", 1, 0, 8, 7.0)}
    assert not world.there(digest)
    assert (world.count(blob), world.count(upload)) == (0, 0)
    assert world.collect() == {}


def test_bytes_that_are_brought_again_are_young_again(world: World) -> None:
    digest = world.upload(b"nobody's")
    world.let_pass(7 - EDGE)
    world.upload(b"nobody's")
    world.let_pass(2 * EDGE)
    assert world.collect() == {}
    assert world.there(digest)


def test_bytes_are_kept_an_hour_whatever_the_settings_say(world: World) -> None:
    digest = world.upload(b"just brought")
    world.let_pass(0.9 / 24)
    assert world.collect(EVERYTHING) == {}
    world.let_pass(0.2 / 24)
    assert set(world.collect(EVERYTHING)) == {"uploads"}
    assert not world.there(digest)


def test_nothing_goes_where_the_settings_say_for_ever(world: World) -> None:
    world.upload(b"nobody's")
    world.control(b"{}")
    kept = world.batch()
    world.imported(kept)
    never = world.batch(b"never run")
    world.dry_run(never)
    world.let_pass(10_000)
    assert world.collect(FOR_EVER) == {}


def test_a_saved_control_file_that_no_batch_uses_is_kept_as_long_as_a_batch(world: World) -> None:
    digest = world.control()
    world.let_pass(90 - EDGE)
    assert world.collect() == {}
    world.let_pass(2 * EDGE)
    assert set(world.collect()) == {"uploads"}
    assert not world.there(digest)
    assert batches.control_named(world.db, world.key, "control") is None


def test_bytes_of_a_batch_stay_as_long_as_the_batch(world: World) -> None:
    batch_id = world.batch()
    world.let_pass(89)
    assert world.collect() == {}
    assert all(world.there(one.digest) for one in batches.batch_files(world.db, batch_id))


def test_bytes_that_another_batch_still_needs_stay(world: World) -> None:
    old = world.batch(b"the same")
    world.dry_run(old)
    world.let_pass(91)
    young = world.batch(b"the same")
    assert set(world.collect()) == {"batches"}
    assert all(world.there(one.digest) for one in batches.batch_files(world.db, young))


def test_files_that_no_row_knows_go_only_when_somebody_asks(world: World) -> None:
    stored = world.blobs.put([b"left by a crash"])
    world.blobs.put([b"written just now"])
    os.utime(world.blobs.path(stored.digest), (1, 1))
    assert world.collect() == {}
    assert world.there(stored.digest)
    assert world.collect(unknown_files=True) == {"unknown-files": Line("unknown-files", 1, 0, 15, 0.0)}
    assert not world.there(stored.digest)
    assert world.count(blob) == 0


# --- batches and runs -------------------------------------------------------------------------------


def test_a_batch_that_never_ran_goes_altogether(world: World) -> None:
    batch_id = world.batch()
    world.let_pass(90 - EDGE)
    assert world.collect() == {}
    world.let_pass(2 * EDGE)
    found = world.collect()
    assert (found["abandoned"].n, found["uploads"].n) == (1, 2)
    with pytest.raises(batches.BatchMissingError):
        batches.batch_facts(world.db, batch_id)
    assert world.count(blob) == 0


def test_a_batch_that_another_one_corrects_is_not_taken_away(world: World) -> None:
    corrected = world.batch()
    batches.create_batch(world.db, world.key, NewBatch(world.control(), "", "omeka", corrected))
    world.let_pass(91)
    assert world.collect()["abandoned"].n == 1  # the one that corrects
    assert world.collect()["abandoned"].n == 1  # then the other


def test_an_old_dry_run_goes_but_for_the_last_of_its_batch(world: World) -> None:
    batch_id = world.batch()
    first, last = world.dry_run(batch_id), world.dry_run(batch_id)
    world.let_pass(30 - EDGE)
    assert world.collect() == {}
    world.let_pass(2 * EDGE)
    assert (found := world.collect()["dry-runs"]) == Line("dry-runs", 1, 2, found.bytes, 30.0)
    assert world.phases(batch_id) == ["removed", "done"]
    assert [len(plans.read_plan(world.db, one)) for one in (first, last)] == [0, 1]
    assert [one.code for one in read_log(world.db, first)] == ["removed"]
    with pytest.raises(PlanRemovedError, match=r"30 days after it ended \(ACCESSION_RETENTION_DRY_RUNS\)"):
        world.schedule(batch_id, plan=first)
    world.schedule(batch_id, plan=last)


def test_the_last_dry_run_goes_too_once_the_batch_was_imported(world: World) -> None:
    batch_id = world.batch()
    world.dry_run(batch_id)
    world.imported(batch_id)
    world.let_pass(31)
    assert set(world.collect()) == {"dry-runs"}
    assert world.phases(batch_id) == ["removed", "done"]


def test_a_plan_that_an_active_run_may_take_over_stays(world: World) -> None:
    batch_id = world.batch()
    world.dry_run(batch_id)
    world.dry_run(batch_id)
    world.let_pass(31)
    claim = world.claim(batch_id)
    assert world.collect() == {}
    world.end(claim, "failed")
    assert set(world.collect()) == {"dry-runs"}


def test_a_batch_of_which_nothing_stands_goes_but_for_states_and_counts(world: World) -> None:
    batch_id = world.batch()
    first = world.imported(batch_id)
    world.undone(batch_id)
    world.let_pass(90 - EDGE)
    assert set(world.collect()) <= {"workings"}
    world.let_pass(2 * EDGE)
    found = world.collect()
    # The control file was saved by its name as well, and counts as the batch's.
    assert (found["batches"].n, found["files"].n, found["uploads"].n) == (1, 2, 1)
    assert world.phases(batch_id) == ["removed", "removed"]
    assert (world.count(operation), world.count(plan_entry)) == (0, 0)
    assert failed_files(world.db, first) == []
    facts = runs.runs_of_batch(world.db, batch_id)
    assert (state_of(world.db, facts), facts[1].counts["created"]) == ("undone", 1)
    with pytest.raises(BatchRemovedError, match="ACCESSION_RETENTION_BATCHES"):
        world.schedule(batch_id)
    with pytest.raises(BatchRemovedError):
        batches.add_files(world.db, world.key, batch_id, [NewFile("only/x", world.upload(b"1"), 1, "x")])
    with pytest.raises(BatchAppliedError):
        batches.delete_batch(world.db, batch_id)
    file = batches.batch_files(world.db, batch_id)[0]
    assert not world.there(file.digest)
    assert held.was_removed(world.db, file.digest)
    assert world.collect() == {}


def test_an_imported_batch_is_reduced_to_what_its_undo_needs(world: World) -> None:
    batch_id = world.batch()
    media = entry(4, kind="media", parent_seq=1, outcome="created", outcome_id=102, draft=b"{}")
    first = world.imported(batch_id, 101, media)
    world.let_pass(365 - EDGE)
    assert world.collect() == {}
    world.let_pass(2 * EDGE)
    found = world.collect()
    assert (found["reports"].n, found["reports"].rows, found["files"].n) == (1, 3, 1)
    left = plans.read_plan(world.db, first)
    assert [(one.seq, one.draft, one.problems) for one in left] == [(1, None, None), (4, None, None)]
    assert world.count(operation, operation.c.pre_image == b"was") == 1
    control = batches.batch_facts(world.db, batch_id).control_digest
    assert world.there(control)
    assert not world.there(batches.batch_files(world.db, batch_id)[0].digest)
    for mode in ("import", "dry-run", "retry"):
        with pytest.raises(BatchRemovedError):
            world.schedule(batch_id, mode)
    listed = world.upload(b"a\n")
    batches.add_files(world.db, world.key, batch_id, [NewFile("only/x", listed, 2, "x")])
    world.schedule(batch_id, "undo")


def test_what_was_said_of_records_goes_with_the_report_of_a_run(world: World) -> None:
    said = {"code": "not-a-date", "message": "No date.", "action": "reject", "outcome": "rejected"}
    batch_id = world.batch()
    world.imported(batch_id, 101, *(entry(n, identifier=f"A{n}", **said) for n in range(4, 604)))
    assert (world.count(report_group), world.count(report_line)) == (1, 1200)
    world.let_pass(366)
    assert "reports" in world.collect()
    assert (world.count(report_group), world.count(report_line)) == (0, 0)


def test_counts_and_state_over_several_runs_are_as_before(world: World) -> None:
    batch_id = world.batch()
    world.imported(batch_id)
    retry = world.claim(batch_id, "retry")
    world.plan(retry, entry(1, row=4), entry(2, row=5, action="reject", outcome="rejected"))
    did(world.db, retry, 1, "create", answer=110)
    with runs.fenced(world.db, retry) as connection:
        plans.set_outcomes(connection, retry.run_id, [EntryOutcome(1, "created", 110)])
        runs.add_counts(connection, retry.run_id, {"created": 1, "rejected": 1})
    world.end(retry)

    def shown() -> tuple[str, dict[str, int], dict[str, int]]:
        facts = runs.runs_of_batch(world.db, batch_id)
        return state_of(world.db, facts), dict(counts_of(world.db, facts)), dict(facts[0].counts)

    before = shown()
    assert before[:2] == ("complete-with-errors", {"created": 2, "unchanged": 1, "rejected": 2})
    world.let_pass(366)
    assert "reports" in world.collect()
    assert shown() == before
    world.let_pass(200)
    assert "undo" in world.collect()
    assert shown() == before
    assert world.phases(batch_id) == ["removed", "removed"]


def test_a_batch_can_be_undone_as_long_as_the_settings_say(world: World) -> None:
    batch_id = world.batch()
    world.imported(batch_id)
    world.let_pass(500 - EDGE)
    world.collect()
    assert world.phases(batch_id) == ["reduced"]
    world.let_pass(2 * EDGE)
    assert set(world.collect()) == {"undo", "files"}
    assert world.count(operation) == 0
    with pytest.raises(BatchRemovedError, match="ACCESSION_RETENTION_UNDO"):
        world.schedule(batch_id, "undo")


@pytest.mark.parametrize("outcome", [None, "uncertain"])
def test_what_may_stand_counts_as_standing(world: World, outcome: Any) -> None:
    batch_id = world.batch()
    claim = world.claim(batch_id)
    world.plan(claim, entry(1))
    if outcome is None:
        intend(world.db, claim, 1, "create")
    else:
        did(world.db, claim, 1, "create", outcome=outcome)
    world.end(claim, "failed")
    world.let_pass(100)
    assert world.collect() == {}
    assert world.phases(batch_id) == ["settle" if outcome is None else "done"]


def test_a_journal_that_names_a_conflict_for_an_earlier_batch_stays(world: World) -> None:
    earlier, later = world.batch(b"1"), world.batch(b"2")
    world.imported(earlier, 101)
    claim = world.claim(later)
    world.plan(claim, entry(1, action="update", resource_id=101))
    did(world.db, claim, 1, "update", 101, answer=101, pre_image=b"was")
    world.end(claim)
    world.let_pass(501)
    world.end(world.claim(earlier, "retry"), "failed")  # it was used: it can still be undone
    world.collect()
    assert world.phases(later) == ["reduced"]
    assert world.count(operation, operation.c.resource_id == 101) == 1
    world.let_pass(501)
    world.collect()
    assert (world.phases(earlier), world.phases(later)) == (["removed", "removed"], ["removed"])


def test_a_journal_stays_while_a_run_on_its_target_may_look_into_it(world: World) -> None:
    """A run that has lost an answer explains what stands above the highest number it knew by journals."""
    slow, other = world.batch(b"1"), world.batch(b"2", target="elsewhere")
    looking = world.claim(slow)
    written, far = world.batch(b"3"), other
    world.imported(written, 201)
    world.undone(written, 201)
    world.imported(far, 301)
    world.undone(far, 301)
    world.let_pass(91)
    world.collect()
    assert (world.phases(written), world.phases(far)) == (["done", "done"], ["removed", "removed"])
    world.end(looking, "failed")
    # What is scheduled only now asks for the highest number later than all that the journal explains.
    world.claim(slow)
    world.collect()
    assert world.phases(written) == ["removed", "removed"]


def test_a_batch_with_late_answers_that_nobody_looked_at_stays(world: World) -> None:
    batch_id = world.batch()
    claim = world.claim(batch_id)
    world.plan(claim, entry(1))
    world.end(claim, "failed")
    with world.db.write() as connection:
        connection.execute(insert(stray_effect).values(run_id=claim.run_id, operation_key="1.1", at=1))
    world.let_pass(1000)
    assert world.collect() == {}
    with world.db.write() as connection:
        connection.execute(update(stray_effect).values(resolved_at=1, resolution="moot"))
    assert "batches" in world.collect()
    assert world.count(stray_effect) == 0


def test_what_an_undo_put_back_is_known_by_its_new_number_for_ever(world: World) -> None:
    batch_id = world.batch()
    claim = world.claim(batch_id)
    world.plan(claim, entry(1, action="delete", resource_id=7))
    did(world.db, claim, 1, "delete", 7, pre_image=b"was")
    world.end(claim)
    undo_claim = world.claim(batch_id, "undo")
    world.plan(undo_claim, entry(1, action="create", resource_id=7, before=b"was"), entry(2, action="update"))
    did(world.db, undo_claim, 1, "create", answer=9)
    with runs.fenced(world.db, undo_claim) as connection:
        undo.mark_undone(connection, batch_id, undo_claim.run_id, [("item", 7)])
        plans.set_outcomes(connection, undo_claim.run_id, [EntryOutcome(1, "undone", 9)])
    world.end(undo_claim)
    another = world.batch(b"2")
    world.let_pass(91)
    assert "batches" in world.collect()
    assert world.phases(batch_id) == ["removed", "removed"]
    assert numbers_now(world.db, batch_id, [7]) == {("item", 7): 9}
    assert world.count(plan_entry) == 1
    assert world.count(plan_entry, plan_entry.c.before.is_not(None)) == 0
    assert another


def test_answers_of_checks_go_and_open_ones_stay(world: World) -> None:
    for _ in range(2):
        tasks.create_task(world.db, world.key, "target-check", target="omeka")
    ended = tasks.unclaimed_tasks(world.db)[0]
    claim = tasks.claim_task(world.db, ended, 1000)
    assert claim is not None
    tasks.end_task(world.db, claim, TargetCheck(ok=True, message="good"))
    world.let_pass(7 - EDGE)
    assert world.collect() == {}
    world.let_pass(2 * EDGE)
    assert world.collect()["checks"].n == 1
    assert world.count(task) == 1


def test_the_links_of_an_import_go_when_it_has_ended(world: World) -> None:
    claims = [world.claim(world.batch(b"1")), world.claim(world.batch(b"2"), "dry-run")]
    for claim in claims:
        world.plan(claim, entry(1))
        with runs.fenced(world.db, claim) as connection:
            connection.execute(
                insert(plan_link).values(
                    run_id=claim.run_id,
                    seq=1,
                    n=0,
                    kind="item",
                    scope="",
                    any_scope=False,
                    by="",
                    key_digest="x",
                )
            )
    assert world.collect() == {}
    for claim in claims:
        world.end(claim)
    assert world.collect() == {"workings": Line("workings", 1, 1, 0, 0.0)}
    # A dry run may still be imported.
    assert world.count(plan_link, plan_link.c.run_id == claims[1].run_id) == 1


def test_the_links_of_an_import_wait_for_a_run_that_has_begun(world: World) -> None:
    batch_id = world.batch()
    claim = world.claim(batch_id)
    world.plan(claim, entry(1))
    with runs.fenced(world.db, claim) as connection:
        links.insert_keys(connection, claim.run_id, [KeyRow(1, "item", "", "", "x", linkable=False)])
    world.end(claim)
    (going,) = garbage_rows.workings(world.db)
    retry = world.claim(batch_id, "dry-run")
    with pytest.raises(garbage_rows.MovedError):
        garbage_rows.clear_workings(world.db, going, lambda: False)
    assert garbage.collect(world.db, world.blobs, RETENTION) == []
    world.end(retry)
    assert set(world.collect()) == {"workings"}


# --- broken off -------------------------------------------------------------------------------------


class Died(BaseException):
    """As by `kill -9`: nobody catches it."""


class Deadly:
    """A database that is not reached by the transaction `moment`."""

    def __init__(self, db: Database, moment: int) -> None:
        self._write = db.write
        self.left = moment

    def __call__(self, **how: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise Died
        return self._write(**how)


def test_whatever_breaks_it_off_the_next_time_ends_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each transaction once: then a second pass, and all is as after a single one."""
    monkeypatch.setattr(garbage_rows, "SLICE", 2)
    died = 0
    for moment in range(1, 200):
        batch_id = world.batch(f"data {moment}".encode())
        run_id = world.imported(batch_id, moment)
        world.undone(batch_id, moment)
        world.dry_run(other := world.batch(f"more {moment}".encode()))
        world.let_pass(91)
        with monkeypatch.context() as patch:
            write = Deadly(world.db, moment)
            patch.setattr(world.db, "write", write)
            try:
                garbage.collect(world.db, world.blobs, RETENTION)
            except Died:
                died += 1
        # Whatever is marked says so, and whatever does not is whole.
        for one in runs.runs_of_batch(world.db, batch_id):
            if one.phase == "done":
                assert plans.read_plan(world.db, one.id)
            else:
                with pytest.raises(BatchRemovedError):
                    world.schedule(batch_id)
        for file in batches.batch_files(world.db, batch_id):
            assert world.there(file.digest) or held.was_removed(world.db, file.digest)
        garbage.collect(world.db, world.blobs, RETENTION)
        assert set(world.phases(batch_id) + world.phases(other)) == {"removed"}
        assert plans.read_plan(world.db, run_id) == []
        assert world.count(operation) == 0
        assert world.count(log_line, log_line.c.code != "removed") == 0
        assert not any(world.there(file.digest) for file in batches.batch_files(world.db, batch_id))
        if write.left > 0:
            break
    assert died > 20


def test_a_removal_whose_transaction_is_lost_after_the_bytes_went_is_ended(world: World) -> None:
    digest = world.upload(b"nobody's")
    world.let_pass(8)
    (page,) = garbage_bytes.unused(world.db, world.blobs, RETENTION, now(world.db))
    garbage_bytes.mark(world.db, world.blobs, page, RETENTION, now(world.db))
    world.blobs.delete(digest)
    # Nobody can use them by their digest, and who brings them puts them there again.
    assert not held.hold_known(world.db, [digest])
    world.upload(b"nobody's")
    assert world.there(digest)
    assert world.collect() == {}


def test_stopping_leaves_the_rest_for_the_next_time(world: World) -> None:
    batch_id = world.batch()
    world.imported(batch_id)
    world.undone(batch_id)
    world.let_pass(91)
    asked = iter([False, False, False])
    garbage.collect(world.db, world.blobs, RETENTION, stop=lambda: next(asked, True))
    assert "removing" in world.phases(batch_id)
    found = world.collect()
    assert "left-over" in found
    assert world.phases(batch_id) == ["removed", "removed"]


def test_a_run_that_begins_meanwhile_has_what_it_needs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scheduled just before the mark it keeps everything; just after, only an undo can be."""
    batch_id = world.batch()
    world.imported(batch_id)
    world.let_pass(366)
    (going,) = garbage_rows_found(world)
    claim = world.claim(batch_id, "dry-run")
    with pytest.raises(garbage_rows.MovedError):
        garbage_rows.mark(world.db, going, "now")
    world.end(claim)
    with pytest.raises(garbage_rows.MovedError):  # used since
        garbage_rows.mark(world.db, going, "now")
    world.let_pass(366)
    (going,) = garbage_rows_found(world)
    garbage_rows.mark(world.db, going, "now")
    world.schedule(batch_id, "undo")
    with pytest.raises(garbage_rows.MovedError):
        garbage_rows.clear(world.db, going, lambda: False)
    assert world.count(operation) == 1
    with pytest.raises(RunActiveError):
        world.schedule(batch_id, "undo")


def garbage_rows_found(world: World) -> Any:
    return garbage_runs.find(world.db, RETENTION, now(world.db))


def test_the_bytes_of_a_removed_batch_raise_what_readers_expect(world: World) -> None:
    batch_id = world.batch()
    world.dry_run(batch_id)
    world.let_pass(91)
    world.collect()
    file = batches.batch_files(world.db, batch_id)[0]
    with pytest.raises(BlobMissingError):
        world.blobs.open_range(file.digest)
    assert batches.readable_size(world.db, world.key, file.digest) == file.size
