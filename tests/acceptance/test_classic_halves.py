"""Changes that an Omeka Classic has made in part, when nobody is there any more to send them again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.classic_worlds import ClassicSite, on_classic
from tests.acceptance.installation import target_of
from tests.acceptance.laws import again, restored, same
from tests.acceptance.workshop import Shop
from tests.acceptance.worlds import Order, Row, State
from tests.standins.omeka_classic import StandIn
from tests.standins.proxy import Fault, FaultProxy


def test_what_a_cancelled_run_changed_in_part_is_given_back_what_it_held(tmp_path: Path) -> None:
    with StandIn() as omeka:
        site = ClassicSite(omeka)
        shop = Shop(tmp_path / "shop", omeka, lease=0.6, look_again=[0.1, 0.3])
        first = on_classic(Order((Row("K0", "One", ("ash",), description="long"),)))
        assert shop.run(shop.batch(first.control, first.files)).counts["created"] == 1
        site.tick()
        stood = site.dump()
        second = on_classic(Order((Row("K0", "Two", ("birch", "cedar"), description="longer"),)))
        batch = shop.batch(second.control, second.files)

        # Of two texts the second one fails: what is changed ends half-way, whichever it is.
        omeka.knobs(deadlocks=2)
        run = shop.run_losing(shop.schedule(batch))
        assert (run.ending, run.phase) == ("cancelled", "settle"), shop.log(run.id)
        half = site.dump()
        assert half.named("K0") is None or half.named("K0") != stood.named("K0")
        omeka.knobs(deadlocks=0)

        shop.settle(run.id)
        assert "half-restored" in shop.log(run.id)
        same(restored(site.dump(), {}), restored(stood, {}))

        # Nobody's edit is seen in it: the same batch again makes it whole.
        site.tick()
        again = shop.run(batch)
        assert again.counts["updated"] == 1, shop.log(again.id)
        assert "conflict" not in shop.log(again.id)
        shop.close()


@pytest.mark.parametrize("deadlocks", [0, 1, 2, 3])
@pytest.mark.parametrize("sent", [False, True])
def test_a_worker_that_dies_while_it_gives_back_what_a_record_held_is_taken_over(
    tmp_path: Path, deadlocks: int, sent: bool
) -> None:
    """`deadlocks`: at which of its texts giving back breaks off in Omeka."""
    with StandIn() as omeka:
        site = ClassicSite(omeka)
        shop = Shop(tmp_path / "shop", omeka, lease=0.6, look_again=[0.1, 0.3])
        first = on_classic(Order((Row("K0", "One", ("ash", "elm"), description="long"),)))
        assert shop.run(shop.batch(first.control, first.files)).counts["created"] == 1
        site.tick()
        stood = site.dump()
        second = on_classic(Order((Row("K0", "Two", ("birch", "cedar"), description="longer"),)))
        batch = shop.batch(second.control, second.files)
        omeka.knobs(deadlocks=3)
        run = shop.run_losing(shop.schedule(batch))
        assert (run.ending, run.phase) == ("cancelled", "settle"), shop.log(run.id)
        site.tick()

        omeka.knobs(deadlocks=deadlocks)
        assert shop.run_dying_in_a_write(run.id, 1, sent=sent)
        omeka.knobs(deadlocks=0)
        site.tick()
        shop.settle(run.id)
        same(restored(site.dump(), {}), restored(stood, {}), shop.log(run.id))
        site.tick()
        again = shop.run(batch)
        assert again.counts["updated"] == 1, shop.log(again.id)
        assert "conflict" not in shop.log(again.id)
        shop.close()


@pytest.mark.parametrize(("deadlocks", "moment"), [(0, 1), (0, 2), (2, 2), (3, 2), (2, 3), (3, 3)])
def test_a_worker_that_dies_over_a_change_that_was_refused_in_part_loses_nothing(
    tmp_path: Path, deadlocks: int, moment: int
) -> None:
    """The map is what this Omeka's database does not take. `moment`: the request at which it dies."""
    with StandIn() as omeka:
        site = ClassicSite(omeka)
        targets = {"omeka": target_of(omeka, wide_characters=True)}
        shop = Shop(tmp_path / "shop", omeka, lease=0.6, look_again=[0.1, 0.3], targets=targets)
        first = on_classic(Order((Row("K0", "One", ("ash", "elm"), description="long"),)))
        assert shop.run(shop.batch(first.control, first.files)).counts["created"] == 1
        site.tick()
        stood = site.dump()
        second = on_classic(Order((Row("K0", "Two", ("birch", "cedar"), description="🗺"),)))
        run = shop.schedule(shop.batch({**second.control, "maxErrors": "100%"}, second.files))
        omeka.knobs(deadlocks=deadlocks)
        assert shop.run_dying_in_a_write(run, moment, sent=True)
        omeka.knobs(deadlocks=0)
        site.tick()
        facts = shop.take_over(run)
        assert facts.ending == "finished", shop.log(run)
        same(restored(site.dump(), {}), restored(stood, {}), shop.log(run))
        shop.close()


def test_what_was_changed_in_part_each_time_is_given_back_what_it_held_when_it_is_given_up(
    tmp_path: Path,
) -> None:
    with StandIn() as omeka:
        site = ClassicSite(omeka)
        shop = Shop(tmp_path / "shop", omeka, lease=0.6, look_again=[0.05, 0.1])
        first = on_classic(Order((Row("K0", "One"),)))
        assert shop.run(shop.batch(first.control, first.files)).counts["created"] == 1
        site.tick()
        stood = site.dump()

        # Every third text fails: of the change's five each time, of the two that stood before none.
        second = on_classic(Order((Row("K0", "Two", ("birch", "cedar"), description="longer"),)))
        omeka.knobs(deadlocks=3)
        run = shop.run(shop.batch(second.control, second.files))
        omeka.knobs(deadlocks=0)
        log = shop.log(run.id)
        assert (run.counts["rejected"], "updated" in run.counts) == (1, False), log
        assert "given-up" in log
        assert "half-restored" in log
        same(restored(site.dump(), {}), restored(stood, {}))
        shop.close()


def test_a_change_that_failed_at_its_first_new_text_is_nobodys_edit(tmp_path: Path) -> None:
    """It has left the texts as they were, and another stamp."""
    with StandIn() as omeka:
        site = ClassicSite(omeka)
        shop = Shop(tmp_path / "shop", omeka, lease=0.6, look_again=[0.1, 0.3])
        before = site.dump()
        first = on_classic(Order((Row("K0", "One"),)))
        batch = shop.batch(first.control, first.files)
        assert shop.run(batch).counts["created"] == 1
        site.tick()
        stood = site.dump()

        # Two texts were saved, two are saved again, and the fifth is the description that is new.
        second = on_classic(Order((Row("K0", "One", description="long"),)))
        omeka.knobs(deadlocks=5)
        run = shop.run_losing(shop.schedule(shop.batch(second.control, second.files)))
        assert (run.ending, run.phase) == ("cancelled", "settle"), shop.log(run.id)
        omeka.knobs(deadlocks=0)
        left, was = site.dump().named("K0"), stood.named("K0")
        assert left is not None
        assert was is not None
        assert [name for name in left if left[name] != was[name]] == ["o:modified"]

        shop.settle(run.id)
        assert "half-restored" in shop.log(run.id)
        undone = shop.run(batch, "undo")
        assert undone.state == "undone", shop.log(undone.id)
        same(restored(site.dump(), {}), restored(before, {}), shop.log(undone.id))
        shop.close()


@dataclass
class HalfUndone:
    """A site with a file that was replaced, and an undo that has brought it back and was cancelled then."""

    site: ClassicSite
    shop: Shop
    stood: State
    """Before the replacement."""
    first: Order
    batch: str

    def files(self) -> list[str]:
        media = self.site.dump().tables["media"]
        return sorted(one["o:source"] for one in media if one["o:source"].startswith("K0"))

    def as_it_stood(self, log: str) -> None:
        now = self.site.dump()
        assert self.files() == ["K0-a.jpg", "K0-b.jpg", "K0-c.jpg"], log
        same(restored(now, again(self.stood, now)), restored(self.stood, {}), log)


@contextmanager
def half_undone(folder: Path, nth: int) -> Iterator[HalfUndone]:
    """`nth`: which of the requests that put the files in order gets no answer."""
    with StandIn() as omeka:
        site, proxy = ClassicSite(omeka), FaultProxy(omeka.url)
        shop = Shop(folder / "shop", omeka, url=proxy.url, lease=0.6, look_again=[0.1, 0.3])
        first = on_classic(Order((Row("K0", "One", scans=(("a", 1), ("b", 1), ("c", 1))),)))
        assert shop.run(shop.batch(first.control, first.files)).ending == "finished"
        site.tick()
        stood = site.dump()
        second = on_classic(Order((Row("K0", "Two", scans=(("a", 1), ("b", 2), ("c", 1))),)))
        batch = shop.batch(second.control, second.files)
        assert shop.run(batch).ending == "finished"
        site.tick()

        lost = Fault("answer_lost", method="PUT", path=r"/api/files/", nth=nth)
        proxy.add(lost)
        cancelled = shop.run_losing(shop.schedule(batch, "undo"))
        assert lost.done == 1, shop.log(cancelled.id)
        assert (cancelled.ending, cancelled.phase) == ("cancelled", "settle"), shop.log(cancelled.id)
        proxy.clear()
        shop.settle(cancelled.id)
        site.tick()
        found = HalfUndone(site, shop, stood, first, batch)
        assert found.files() == ["K0-a.jpg", "K0-b.jpg", "K0-b.jpg", "K0-c.jpg"]
        yield found
        proxy.close()
        shop.close()


@pytest.mark.parametrize("nth", [1, 2])
def test_files_that_a_cancelled_undo_has_put_in_order_were_edited_by_nobody(tmp_path: Path, nth: int) -> None:
    """One of them is to go, since the one that it had replaced is there again."""
    with half_undone(tmp_path, nth) as half:
        undone = half.shop.run(half.batch, "undo")
        log = half.shop.log(undone.id)
        assert undone.state == "undone", log
        assert "undo-conflict" not in log
        half.as_it_stood(log)


def test_an_import_removes_the_file_that_a_cancelled_undo_has_left_beside_the_one_it_brought_back(
    tmp_path: Path,
) -> None:
    with half_undone(tmp_path, 2) as half:
        run = half.shop.run(half.shop.batch(half.first.control, half.first.files))
        log = half.shop.log(run.id)
        assert run.ending == "finished", log
        half.as_it_stood(log)
