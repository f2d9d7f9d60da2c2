"""Laws of comparing: what was applied is not planned again, whoever knows of it and whoever edited since."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.store.ledger import LedgerKey, LedgerRow
from tests.acceptance.test_update_payloads import drafts, held_values
from tests.unit.planning.given import NOW, OmekaS, item, link_to, representation, sought, standing, text
from tests.unit.planning.saving import LARGE, patched
from worker.planning.changes import Conflict
from worker.planning.decide import meant_digest
from worker.planning.links import settle
from worker.planning.merge import Unmergeable
from worker.planning.merging import Compared, compare, footing_json
from worker.records import Draft
from worker.targets.base import LinkTarget, Saved
from worker.targets.omeka_s.representation import saved_from
from worker.targets.omeka_s.updates import update_payload

LAW = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=set(Phase) - {Phase.explain},
)
OMEKA = OmekaS(LARGE)
ways = st.sampled_from(["overwrite", "keep", "reject"])


@st.composite
def resources(draw: st.DrawFn) -> Saved:
    """An item as somebody made it."""
    body = representation(7, {})
    body.update(draw(held_values(99)))
    body["o:is_public"] = draw(st.booleans())
    body["o:resource_class"] = draw(st.sampled_from([None, {"o:id": 26}]))
    body["o:item_set"] = [{"o:id": one} for one in draw(st.sets(st.sampled_from([3, 4, 5])))]
    body["o:site"] = [{"o:id": one} for one in draw(st.sets(st.sampled_from([1, 2])))]
    return saved_from(body, "item")


def compared(draft: Draft, saved: Saved, row: LedgerRow | None, way: Any = "overwrite") -> Any:
    return compare(OMEKA, draft, {}, saved, row, meant_digest(draft), way)


def row_of(draft: Draft, saved: Saved, made: Compared) -> LedgerRow:
    """What the ledger keeps once it is written."""
    return LedgerRow(
        key=LedgerKey("omeka", "item", "", ""),
        key_digest="",
        identifier="",
        resource_id=saved.id,
        meant=meant_digest(draft),
        saved=orjson.dumps(saved.body),
        modified=saved.modified,
        run_id="",
        operation_key="",
        footing=footing_json(made.merged.footing),
    )


def applied(draft: Draft, saved: Saved, made: Compared, modified: str) -> tuple[Saved, LedgerRow]:
    if made.merged.changes:
        saved = patched(saved, update_payload(made.current, made.merged, LARGE), modified)
    return saved, row_of(draft, saved, made)


@LAW
@given(resources(), drafts, ways)
def test_the_plan_of_a_plan_that_was_applied_is_empty(saved: Saved, draft: Draft, way: Any) -> None:
    made = compared(draft, saved, None)
    assert isinstance(made, Compared)
    after, row = applied(draft, saved, made, NOW)
    for known in (None, row):
        again = compared(draft, after, known, way)
        assert isinstance(again, Compared)
        assert (again.merged.changes, again.merged.conflicts) == ((), ())


@LAW
@given(resources(), drafts, resources(), drafts, ways)
def test_it_is_empty_too_after_somebody_edited_and_the_record_changed(
    saved: Saved, draft: Draft, edited: Saved, second: Draft, way: Any
) -> None:
    """Whatever became of the conflict is settled; only an edit that is kept goes on being told."""
    made = compared(draft, saved, None)
    _, row = applied(draft, saved, made, NOW)
    now = compared(second, edited, row, way)
    if isinstance(now, Unmergeable):
        assert (now.code, way) == ("conflict", "reject")
        return
    after, newer = applied(second, edited, now, "2026-11-24 00:00:00")
    again = compared(second, after, newer, way)
    assert isinstance(again, Compared)
    assert again.merged.changes == ()
    assert again.merged.conflicts == (still_told(second, after, now) if way == "keep" else ())


def still_told(draft: Draft, after: Saved, made: Compared) -> tuple[Conflict, ...]:
    """What is to be filled only where it is empty means no more once something stands there."""
    held = OMEKA.current(after)
    fill = {one.term for one in draft.properties if one.on_update == "keep"}
    fill |= {name for name, way in draft.fields.on_update.items() if way == "keep"}
    filled = {name for name in fill if held.properties.get(name) or held.fields.get(name)}
    return tuple(one for one in made.merged.conflicts if one.name not in filled)


@LAW
@given(resources(), drafts, resources(), drafts)
def test_edits_that_are_kept_stay_however_often_the_record_is_imported(
    saved: Saved, draft: Draft, edited: Saved, second: Draft
) -> None:
    made = compared(draft, saved, None)
    _, row = applied(draft, saved, made, NOW)
    once = compared(second, edited, row, "keep")
    assert isinstance(once, Compared)
    state, newer = applied(second, edited, once, "2026-11-24 00:00:00")
    for _ in range(2):
        again = compared(second, state, newer, "keep")
        state, newer = applied(second, state, again, "2026-11-25 00:00:00")
        assert again.merged.changes == ()


def test_of_two_equal_values_the_one_that_somebody_removed_stays_removed() -> None:
    """They removed one chalk, hid the other and added a value: what is left of the two is one, not both."""
    identifier = {"dcterms:title": ["One"], "dcterms:identifier": ["A1"]}
    hidden = {"type": "literal", "@value": "chalk", "is_public": False}
    before = item(properties=(text("dcterms:subject", "chalk", "chalk"),))
    empty = standing(7, identifier)
    written, row = applied(before, empty, compared(before, empty, None), NOW)
    assert len(written.body["dcterms:subject"]) == 2
    edited = standing(7, identifier | {"dcterms:subject": ["theirs", hidden]})
    draft = item(properties=(text("dcterms:subject", "oil", "chalk"),))
    kept = compared(draft, edited, row, "keep")
    assert (kept.merged.changes, len(kept.merged.conflicts)) == ((), 1)
    after, newer = applied(draft, edited, kept, NOW)
    again = compared(draft, after, newer, "keep")
    assert (again.merged.changes, len(again.merged.conflicts)) == ((), 1)


def test_a_link_that_leads_elsewhere_now_is_a_change_though_the_record_says_the_same() -> None:
    """The ledger told the record by its words: they are the same, what they lead to is not."""
    draft = item(properties=(link_to("B"),))
    old = {"type": "resource", "value_resource_id": 12}
    saved = standing(7, {"dcterms:title": ["One"], "dcterms:identifier": ["A1"], "dcterms:relation": [old]})
    links = {sought("B"): LinkTarget("item", 12)}
    row = LedgerRow(
        key=LedgerKey("omeka", "item", "", ""),
        key_digest="",
        identifier="",
        resource_id=7,
        meant=meant_digest(draft),
        saved=orjson.dumps(saved.body),
        modified=saved.modified,
        run_id="",
        operation_key="",
        linked=settle(draft, links).linked,
    )

    def changes(number: int) -> list[str]:
        found = compare(
            OMEKA,
            draft,
            {sought("B"): LinkTarget("item", number)},
            saved,
            row,
            meant_digest(draft),
            "overwrite",
        )
        assert isinstance(found, Compared)
        return [one.name for one in found.merged.changes]

    assert (changes(12), changes(13), changes(-3)) == ([], ["dcterms:relation"], ["dcterms:relation"])
