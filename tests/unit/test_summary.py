"""A run in one sentence: the same words for what a plan holds and for what was done."""

from __future__ import annotations

import pytest

from service.store.summary import summary
from tests.unit.api.test_plan_text import facts

PLANNED = {
    "read": 500,
    "planned": 500,
    "action:create": 10,
    "action:update": 20,
    "action:delete": 5,
    "action:unpublish": 3,
    "action:unchanged": 460,
    "action:skip": 4,
    "action:reject": 1,
    "skipped": 4,
    "rejected": 1,
}
DONE = {"updated": 19, "created": 10, "deleted": 5, "unpublished": 3, "unchanged": 460, "failed": 1}


def test_a_plan_and_what_became_of_it_are_told_in_the_same_order() -> None:
    assert summary(facts(counts=PLANNED)) == (
        "500 records read: 20 to update, 10 to create, 5 to delete, 3 to unpublish, 460 unchanged, "
        "4 skipped, 1 rejected. 5 requests to the target."
    )
    assert summary(facts(counts=PLANNED | DONE, mode="import")) == (
        "500 records read: 19 updated, 10 created, 5 deleted, 3 unpublished, 460 unchanged, 4 skipped, "
        "1 rejected, 1 failed. 5 requests to the target."
    )


@pytest.mark.parametrize(
    ("read", "words"), [(0, "0 records read"), (1, "1 record read"), (2, "2 records read")]
)
def test_a_run_without_effect_says_so(read: int, words: str) -> None:
    text = f"{words}: nothing to do. 5 requests to the target."
    assert summary(facts(counts={"read": read}), planned=True) == text
    assert summary(facts(counts={"read": read}), planned=False) == text
    assert "nothing done yet" in summary(facts(counts={"read": read}), planned=False, going=True)
