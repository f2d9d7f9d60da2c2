"""Imports, edits and undo in any order, on a site full of things that nobody named, against a model.

The laws stand in `laws`, the site and the imports in `worlds`. A run that breaks one is shrunk by
hypothesis to the fewest steps that do.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.acceptance.laws import (
    Import,
    Memory,
    again,
    check_import,
    ids,
    restored,
    same,
    untold,
    without_links,
)
from tests.acceptance.workshop import Shop
from tests.acceptance.worlds import Edit, Order, Site, State, edits, orders
from tests.standins.omeka_s import StandIn

ACTIVE = ("create", "update", "delete", "unpublish")


@dataclass
class Applied:
    """A batch that was imported, and what was remembered before."""

    batch: str
    done: Import
    memory: Memory
    edited: set[str] = field(default_factory=set)
    """Identities that somebody edited since then."""
    out_of_order: bool = False
    """Whether a batch before it was undone: then the site cannot become what it was."""
    as_planned: bool = True
    """Whether nobody edited while it ran: then it was carried out as it was planned."""


class Imports(RuleBasedStateMachine):
    """What one installation goes through with one site."""

    omeka: StandIn
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.site = Site(self.omeka)
        self.shop = Shop(Path(tempfile.mkdtemp(dir=self.folder)), self.omeka)
        self.memory = Memory()
        self.applied: list[Applied] = []
        self.last: tuple[str, Import] | None = None
        """The last import, if none of its batch came since."""

    def teardown(self) -> None:
        self.shop.close()
        self.site.close()

    # --- what people do -----------------------------------------------------------------------------

    @rule(edit=edits())
    def somebody_edits(self, edit: Edit) -> None:
        self.site.tick()
        self._edit(edit)
        self.site.tick()

    def _edit(self, edit: Edit) -> None:
        before = self.site.dump()
        self.site.edit(edit)
        after = self.site.dump()
        self.memory.note_edit(edit, before, after)
        for one in self.applied:
            if before.named(edit.name) != after.named(edit.name):
                one.edited.add(edit.name)

    @rule(order=orders())
    def an_import(self, order: Order) -> None:
        self.site.tick()
        self._import(order, None)

    @rule(order=orders(), edit=edits())
    def an_import_with_an_edit_while_it_runs(self, order: Order, edit: Edit) -> None:
        self.site.tick()
        self._import(order, edit)

    def _import(self, order: Order, edit: Edit | None) -> None:
        batch = self.shop.batch(order.control, order.files)
        before = at_first = self.site.dump()
        plan = self.shop.run(batch, "dry-run")
        assert plan.ending == "finished", self.shop.log(plan.id)
        assert self.site.dump() == before, "a dry run writes nothing"
        memory = self.memory

        def meanwhile() -> None:
            nonlocal before, memory
            if edit is not None:
                self.site.tick()
                self._edit(edit)
                self.site.tick()
            before = self.site.dump()
            memory = self.memory.copy()

        run = self.shop.run(batch, meanwhile=meanwhile)
        assert run.ending == "finished", self.shop.log(run.id)
        after = self.site.dump()
        entries = self.shop.entries(run.id)
        if edit is None:
            assert self._actions(plan.id) == self._actions(run.id), "the import is what its plan was"
        planned = {one.seq: self.shop.changes(one) for one in entries}
        vanished = frozenset(ids(at_first) - ids(before))
        done = Import(order, before, after, entries, planned, vanished)
        check_import(done, self.memory)
        self.last = batch, done
        if done.touched:
            self.applied.append(Applied(batch, done, memory, as_planned=edit is None))
        self.site.tick()
        if edit is None or edit.deed != "delete":
            # What links to a resource that somebody deleted meanwhile may be refused, and come later.
            self._nothing_is_left(order)

    def _nothing_is_left(self, order: Order) -> None:
        batch = self.shop.batch(order.control, order.files)
        run = self.shop.run(batch, "dry-run")
        left = [one for one in self.shop.entries(run.id) if one.action in ACTIVE]
        assert not left, [(one.identifier, one.action, self.shop.changes(one)) for one in left]

    def _actions(self, run: str) -> list[object]:
        return [
            (one.identifier, one.action, one.resource_id, self.shop.changes(one))
            for one in self.shop.entries(run)
        ]

    # --- retry --------------------------------------------------------------------------------------

    @precondition(lambda self: self.last is not None)
    @rule()
    def the_last_import_is_retried(self) -> None:
        """Only what was rejected is tried again, and that keeps the same laws."""
        assert self.last is not None
        batch, done = self.last
        rejected = {one.identifier for one in done.entries if one.outcome == "rejected"}
        self.site.tick()
        before = self.site.dump()
        run = self.shop.run(batch, "retry")
        assert run.ending == "finished", self.shop.log(run.id)
        after, entries = self.site.dump(), self.shop.entries(run.id)
        assert {one.identifier for one in entries} == rejected
        rows = tuple(row for row in done.order.rows if row.name in rejected)
        order = replace(done.order, rows=rows, absent="keep")
        planned = {one.seq: self.shop.changes(one) for one in entries}
        again = Import(order, before, after, entries, planned)
        check_import(again, self.memory)
        self.last = None
        if again.touched:
            # One undo takes back both runs of the batch: no longer what is compared below.
            self.applied = []

    # --- undo ---------------------------------------------------------------------------------------

    @precondition(lambda self: self.applied)
    @rule()
    def the_last_batch_is_undone(self) -> None:
        self._undo(len(self.applied) - 1)

    @precondition(lambda self: len(self.applied) > 1)
    @rule(data=st.data())
    def an_earlier_batch_is_undone(self, data: st.DataObject) -> None:
        self._undo(data.draw(st.integers(0, len(self.applied) - 2)))

    def _undo(self, index: int) -> None:
        one = self.applied[index]
        self.last = None
        self.site.tick()
        before = self.site.dump()
        plan = self.shop.run(one.batch, "undo", dry_run=True)
        assert plan.ending == "finished", self.shop.log(plan.id)
        assert self.site.dump() == before
        run = self.shop.run(one.batch, "undo")
        assert run.ending == "finished", self.shop.log(run.id)
        after = self.site.dump()
        earlier = one.done.before
        touched = one.done.touched
        since = one.edited.union(*(other.done.touched for other in self.applied[index + 1 :]))
        left = touched & since
        del self.applied[index]
        if index == len(self.applied) and not since and not one.out_of_order:
            same(restored(after, again(earlier, after)), restored(earlier, {}), self.shop.log(run.id))
            self.memory = one.memory.copy()
            if one.as_planned:
                self._the_plan_is_as_it_was(one)
        else:
            self._check_partly(one, before, after, left)
        for other in self.applied[:index]:
            other.edited |= left
        for other in self.applied[index:]:
            other.out_of_order = True

    def _check_partly(self, one: Applied, before: State, after: State, left: set[str]) -> None:
        """What somebody or another batch changed since is left; the rest is as it was before the batch."""
        gone = ids(before) - ids(after)
        numbers = again(one.done.before, after)
        for name in sorted({*before.numbers().values(), *after.numbers().values(), *one.done.touched}):
            was, now = before.named(name), after.named(name)
            if was is None and now is not None and name in left:
                # Deleted again by a later batch: it comes back as it was before this one.
                for other in self.applied:
                    other.edited.add(name)
                left = left - {name}
            if name in one.done.touched - left:
                was = one.done.before.named(name)
                assert (was is None) == (now is None), (name, was, now)
                self.memory.take_over(name, one.memory)
            elif now is None:
                assert was is None or name not in left, f"{name} was changed since, and is gone"
            if was is not None and now is not None:
                same(_state(now, numbers, gone), _state(was, {}, gone), name)

    def _the_plan_is_as_it_was(self, one: Applied) -> None:
        order = one.done.order
        again_run = self.shop.run(self.shop.batch(order.control, order.files), "dry-run")
        actions = [(e.identifier, e.action) for e in self.shop.entries(again_run.id)]
        assert actions == [(e.identifier, e.action) for e in one.done.entries]


def _state(item: object, numbers: dict[int, int], gone: set[int]) -> object:
    """An item but for its number and stamp, and for links: those come and go with what they lead to."""
    shown = without_links(untold(item), gone)
    hidden = ("o:id", "@id", "o:modified", "o:created", "dcterms:relation", "o:media", "o:primary_media")
    return {
        key: value
        for key, value in shown.items()
        if key not in hidden and not key.startswith("o-module-") and key != "thumbnail_display_urls"
    }


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[type[Imports]]:
    with StandIn() as omeka:
        yield type("ImportsHere", (Imports,), {"omeka": omeka, "folder": tmp_path})


def search(machine: type[Imports], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=examples < 100,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink) if examples >= 100 else (Phase.generate,),
        ),
    )


def test_imports_edits_and_undo_in_any_order_keep_every_law(machine: type[Imports]) -> None:
    search(machine, examples=8, steps=8)


@pytest.mark.full
def test_the_same_for_a_long_time(machine: type[Imports]) -> None:
    search(machine, examples=400, steps=12)
