"""Only a media whose successor stands is deleted for it."""

from __future__ import annotations

from service.store.ledger import Known, aside
from service.store.ledger_parts import KnownPart
from worker.planning.media_pass import _succeeded

OLD = KnownPart(1, "tate", "", Known(aside("key", 11), "b.jpg", 11, "", ""))
NEW = KnownPart(1, "tate", "", Known("key", "b.jpg", 12, "", ""))


def test_one_goes_whose_successor_has_its_key_and_stands() -> None:
    assert _succeeded([OLD], [OLD, NEW], {11: "", 12: ""}) == [OLD]


def test_one_stays_whose_successor_is_gone_or_unknown_or_of_another_item() -> None:
    elsewhere = KnownPart(2, "tate", "", NEW.known)
    other = KnownPart(1, "tate", "", Known("another key", "c.jpg", 12, "", ""))
    assert _succeeded([OLD], [OLD, NEW], {11: ""}) == []
    for parts in ([OLD], [OLD, elsewhere], [OLD, other]):
        assert _succeeded([OLD], parts, {11: "", 12: ""}) == []
