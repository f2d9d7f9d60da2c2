"""What the target saved otherwise than meant: told once, not sent again every night, mended in the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.store.runs import RunFacts
from tests.acceptance.workshop import Shop
from tests.acceptance.worlds import Edit, Order, Row, Site
from tests.standins.omeka_s import StandIn

SUBJECT, DESCRIPTION = "3", "4"
"""Numbers of the properties, as modules alter them here."""
FIRST = Order(
    (
        Row("K0", "One", ("ash", "birch"), description="long", see=("K1",)),
        Row("K1", "One", ("cedar",), see=("K0",)),
        Row("K2", "One"),
        Row("K6", "One", ("ash",)),
    )
)
WRITES = {"created", "updated", "altered", "action:create", "action:update"}


class Night:
    """A site whose modules alter what is saved, and an installation that imports into it again and again."""

    def __init__(self, omeka: StandIn, folder: Path) -> None:
        self.site = Site(omeka)
        self.shop = Shop(folder, omeka)

    def alter(self, **how: str) -> None:
        self.site.omeka.knobs(altering={number[1:]: what for number, what in how.items()})

    def run(self, order: Order, mode: str = "import") -> RunFacts:
        self.site.tick()
        run = self.shop.run(self.shop.batch(order.control, order.files), mode)
        assert run.ending == "finished", self.shop.log(run.id)
        return run

    def texts(self, name: str, term: str) -> list[str]:
        item = self.site.dump().named(name)
        assert item is not None
        return [one["@value"] for one in item.get(term, ())]

    def told(self, run: RunFacts) -> dict[str | None, tuple[Any, str | None]]:
        return {one.identifier: (one.outcome, one.message) for one in self.shop.entries(run.id)}

    def nothing_is_sent(self, order: Order) -> None:
        """Neither planned nor written, however often."""
        for _ in range(2):
            dry = self.run(order, "dry-run")
            assert not WRITES & dry.counts.keys(), self.shop.log(dry.id)
            writes = self.site.omeka.requests()["writes"]
            run = self.run(order)
            assert run.counts["unchanged"] == len(order.rows), self.shop.log(run.id)
            assert self.site.omeka.requests()["writes"] == writes


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    with StandIn() as omeka:
        made = Night(omeka, tmp_path)
        yield made
        made.shop.close()
        made.site.close()


def test_what_a_module_alters_is_told_once_and_not_sent_again(night: Night) -> None:
    night.alter(_3="upper", _4="drop")
    run = night.run(FIRST)
    told = night.told(run)
    changed = "The target saved something else than was meant. "
    assert told == {
        "K0": (
            "altered",
            f"{changed}dcterms:subject: meant ash, saved ASH; dcterms:subject: meant birch, saved BIRCH; "
            "dcterms:description: meant long, saved (nothing)",
        ),
        "K1": ("altered", f"{changed}dcterms:subject: meant cedar, saved CEDAR"),
        "K2": ("created", None),
        # It stands where everything is private.
        "K6": ("altered", f"{changed}dcterms:subject: meant ash (private), saved ASH (private)"),
    }
    assert run.counts["altered"] == 3
    night.nothing_is_sent(FIRST)
    # The module is gone, and the record is the same: what was told was told.
    night.alter()
    night.nothing_is_sent(FIRST)


def test_another_record_sends_it_again_and_mends_it_once_the_module_is_gone(night: Night) -> None:
    night.alter(_3="upper")
    night.run(FIRST)
    second = Order((Row("K0", "Two", ("ash", "birch"), description="long", see=("K1",)), *FIRST.rows[1:]))
    again = night.run(second)
    assert night.told(again)["K0"] == (
        "altered",
        "The target saved something else than was meant. dcterms:subject: meant ash, saved ASH; "
        "dcterms:subject: meant birch, saved BIRCH",
    )
    assert again.counts["unchanged"] == 3
    night.nothing_is_sent(second)
    night.alter()
    third = Order((Row("K0", "Three", ("ash", "birch"), description="long", see=("K1",)), *FIRST.rows[1:]))
    mended = night.run(third)
    assert night.told(mended)["K0"] == ("updated", None)
    assert night.texts("K0", "dcterms:subject") == ["ash", "birch"]
    night.nothing_is_sent(third)


@pytest.mark.parametrize("how", ["upper", "drop"])
@pytest.mark.parametrize(
    "policy", [("replace", "all"), ("replace", "ours"), ("append", "all"), ("keep", "all")]
)
def test_an_edit_beside_it_does_not_bring_it_back(night: Night, how: str, policy: tuple[str, str]) -> None:
    """The resource moved, so it is compared anew; what was altered is known again."""
    night.alter(_3=how)
    order = Order(FIRST.rows, *policy)
    night.run(order)
    night.site.tick()
    night.site.edit(Edit("K0", "add", "dcterms:creator", "mine"))
    night.nothing_is_sent(order)
    assert night.texts("K0", "dcterms:creator") == ["mine"]


def test_an_edit_of_what_was_altered_is_overwritten_or_kept_as_the_control_file_says(night: Night) -> None:
    night.alter(_3="upper")
    night.run(FIRST)
    night.alter()
    night.site.tick()
    night.site.edit(Edit("K1", "change", "dcterms:subject", "mine"))
    kept = Order(FIRST.rows, on_conflict="keep")
    night.run(kept)
    assert night.texts("K1", "dcterms:subject") == ["mine"]
    night.nothing_is_sent(kept)
    second = Order((FIRST.rows[0], Row("K1", "Two", ("cedar",), see=("K0",)), *FIRST.rows[2:]))
    night.run(second)
    assert night.texts("K1", "dcterms:subject") == ["cedar"]
    night.nothing_is_sent(second)


def test_an_undo_puts_back_what_stood_before_it_was_altered(night: Night) -> None:
    before = night.site.dump().named("K6")
    night.alter(_3="upper")
    batch = night.shop.batch(FIRST.control, FIRST.files)
    night.shop.run(batch)
    night.alter()
    night.site.tick()
    night.shop.run(batch, "undo")
    after = night.site.dump().named("K6")
    assert before is not None
    assert after is not None
    stamps = ("o:modified", "@reverse")
    assert {**after, **dict.fromkeys(stamps)} == {**before, **dict.fromkeys(stamps)}
    assert night.site.dump().named("K0") is None
