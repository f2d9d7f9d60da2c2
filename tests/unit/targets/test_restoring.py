"""Earlier states put back: whatever a resource was and has become, undo makes it what it was."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.acceptance.test_update_payloads import held_values
from tests.unit.planning.given import NOW, representation, standing
from tests.unit.planning.saving import LARGE, patched, posted
from worker.planning.values import Current
from worker.records import Kind
from worker.targets.base import Linking, Saved
from worker.targets.omeka_s.representation import linked_ids, saved_from
from worker.targets.omeka_s.restoring import recreate_body, relink_body, restore_body
from worker.targets.omeka_s.updates import current_of

LAW = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=set(Phase) - {Phase.explain},
)
LINKED, NEW = 99, 1234
"""A resource that values link to, and its number after it was created again."""


@st.composite
def resources(draw: st.DrawFn) -> Saved:
    """An item as anybody may have left it."""
    body = representation(7, {})
    body.update(draw(held_values(LINKED)))
    body["o:is_public"] = draw(st.booleans())
    body["o:resource_class"] = draw(st.sampled_from([None, {"o:id": 26}, {"o:id": 30}]))
    body["o:thumbnail"] = draw(st.sampled_from([None, {"o:id": 1}]))
    body["o:item_set"] = [{"o:id": one} for one in draw(st.sets(st.sampled_from([3, 4, 5])))]
    body["o:site"] = [{"o:id": one} for one in draw(st.sets(st.sampled_from([1, 2])))]
    return saved_from(body, "item")


def image(saved: Saved) -> bytes:
    return orjson.dumps(saved.body)


def state(saved: Saved) -> Current:
    """All that is compared, whatever its number and stamp are; sets and sites have no order."""
    found = current_of(saved, LARGE)
    fields = {
        name: tuple(sorted(values, key=lambda one: one.content.text or ""))
        for name, values in found.fields.items()
    }
    bare = {
        term: tuple(msgspec.structs.replace(value, raw=b"", annotation=notes(value)) for value in values)
        for term, values in found.properties.items()
    }
    return msgspec.structs.replace(found, id=0, modified="", properties=bare, fields=fields)


def notes(value: Any) -> Any:
    return tuple(
        (term, tuple(msgspec.structs.replace(one, raw=b"") for one in several))
        for term, several in value.annotation
    )


def restored(was: Saved, now: Saved, **more: Any) -> Saved:
    payload = restore_body(image(was), was.kind, now, more.pop("numbers", {}), more.pop("without", ()))
    return now if payload is None else patched(now, payload, NOW)


@LAW
@given(resources(), resources())
def test_restoring_gives_the_earlier_state_whatever_came_after(was: Saved, now: Saved) -> None:
    after = restored(was, now)
    assert state(after) == state(was)
    assert restore_body(image(was), "item", after, {}, ()) is None, "what stands so is not sent again"


@LAW
@given(resources(), resources())
def test_restoring_touches_neither_media_nor_what_this_service_does_not_know(was: Saved, now: Saved) -> None:
    sent = restore_body(image(was), "item", now, {}, ())
    keys = set() if sent is None else {key for key in orjson.loads(sent) if key.startswith("o:")}
    assert keys <= {"o:is_public", "o:resource_class", "o:thumbnail", "o:item_set", "o:site"}


@LAW
@given(resources())
def test_what_is_created_again_is_what_was_deleted(was: Saved) -> None:
    made = posted(recreate_body(image(was), "item", (), {}, ()), 500, "item")
    assert state(made) == state(was)


@LAW
@given(resources(), resources())
def test_numbers_of_what_was_created_again_are_exchanged_everywhere(was: Saved, now: Saved) -> None:
    """Also within annotations: nothing that goes out speaks of the old number."""
    exchanged = {LINKED: NEW}
    for made in (
        posted(recreate_body(image(was), "item", (), exchanged, ()), 500, "item"),
        restored(was, now, numbers=exchanged),
    ):
        assert linked_ids(made.body) == {exchanged.get(one, one) for one in linked_ids(was.body)}


@LAW
@given(resources(), resources())
def test_nothing_links_to_what_is_not_there(was: Saved, now: Saved) -> None:
    """Omeka would refuse the whole request; in an annotation as much as in a value."""
    for made in (
        posted(recreate_body(image(was), "item", (), {}, {LINKED}), 500, "item"),
        restored(was, now, without={LINKED}),
    ):
        assert linked_ids(made.body) == frozenset()


def test_sets_that_were_created_again_are_exchanged_too() -> None:
    was = standing(7, {}, **{"o:item_set": [{"o:id": 3}, {"o:id": 4}], "o:thumbnail": {"o:id": 9}})
    sent = orjson.loads(recreate_body(image(was), "item", (), {3: 30}, ()))
    assert sent["o:item_set"] == [{"o:id": 30}, {"o:id": 4}]


@LAW
@given(resources(), resources())
def test_a_class_a_thumbnail_and_a_site_are_not_resources_that_have_the_same_number(
    was: Saved, now: Saved
) -> None:
    """They have numbers of their own: item 26 came back as another, or went, and class 26 is what it was."""
    exchanged, gone = {26: 50, 30: 51, 1: 52}, {2}
    for made in (
        posted(recreate_body(image(was), "item", (), exchanged, gone), 500, "item"),
        restored(was, now, numbers=exchanged, without=gone),
    ):
        keys = ("resource_class", "thumbnail", "site")
        assert {key: state(made).fields.get(key) for key in keys} == {
            key: state(was).fields.get(key) for key in keys
        }


def test_an_item_comes_back_with_its_media_in_their_order() -> None:
    media = [
        standing(
            n,
            {"dcterms:title": [f"M{n}"]},
            "media",
            **{"o:ingester": "html", "o-cnt:chars": f"<p>{n}</p>", "o:alt_text": "alt", "o:lang": None},
        )
        for n in (70, 71)
    ]
    was = standing(7, {"dcterms:title": ["One"]}, **{"o:media": [{"o:id": 70}, {"o:id": 71}]})
    sent = orjson.loads(recreate_body(image(was), "item", [image(one) for one in media], {}, ()))
    assert [
        (one["o:ingester"], one["html"], one["dcterms:title"][0]["@value"], one["o:alt_text"])
        for one in sent["o:media"]
    ] == [("html", "<p>70</p>", "M70", "alt"), ("html", "<p>71</p>", "M71", "alt")]
    assert "o:id" not in sent["o:media"][0]


def chosen(number: int, *media: int) -> Saved:
    listed = {"o:media": [{"o:id": one} for one in media], "o:primary_media": {"o:id": number}}
    return standing(7, {"dcterms:title": ["One"]}, **listed)


@pytest.mark.parametrize(
    ("was", "now", "sent"),
    [
        (chosen(71, 70, 71), chosen(70, 70, 71), {"o:primary_media": {"o:id": 71}}),
        (chosen(70, 70, 71), chosen(71, 70, 71), {"o:primary_media": None}),
        (chosen(70, 70), chosen(72, 72, 70), None),
        (chosen(71, 70, 71), chosen(70, 70, 99), {"o:primary_media": {"o:id": 99}}),
        (chosen(71, 70, 71), chosen(70, 70), None),
    ],
)
def test_the_primary_media_comes_back(was: Saved, now: Saved, sent: object) -> None:
    made = restore_body(image(was), "item", now, {71: 99} if 99 in now.media_ids else {}, ())
    assert (orjson.loads(made) if made is not None else None) == sent


def test_of_an_item_that_was_created_again_the_primary_media_is_said() -> None:
    now = chosen(80, 80, 81)
    assert relink_body(now, (), (), {}) is None
    made = relink_body(now, (), (), {}, (), 81)
    assert made is not None
    assert orjson.loads(made) == {"o:primary_media": {"o:id": 81}}
    assert "o:primary_media" not in orjson.loads(recreate_body(image(now), "item", (), {}, ()))


def test_a_media_comes_back_to_its_item() -> None:
    was = standing(
        70, {}, "media", **{"o:ingester": "html", "o-cnt:chars": "<p>x</p>", "o:item": {"o:id": 7}}
    )
    sent = orjson.loads(recreate_body(image(was), "media", (), {7: 8}, ()))
    assert (sent["o:item"], sent["o:ingester"], sent["html"]) == ({"o:id": 8}, "html", "<p>x</p>")


def test_an_item_set_that_was_open_is_open_again() -> None:
    was = standing(3, {"dcterms:title": ["Set"]}, "item-set", **{"o:is_open": True})
    assert orjson.loads(recreate_body(image(was), "item-set", (), {}, ()))["o:is_open"] is True


def link(number: int, **more: Any) -> dict[str, Any]:
    return {
        "type": "resource",
        "property_id": 13,
        "is_public": True,
        "value_resource_id": number,
        "@id": f"https://omeka.example.org/api/items/{number}",
        "display_title": "Linked",
        **more,
    }


def relinked(current: Saved, *values: dict[str, Any], sets: tuple[int, ...] = ()) -> Any:
    packed = [Linking("dcterms:relation", orjson.dumps(value)) for value in values]
    sent = relink_body(current, packed, sets, {LINKED: NEW})
    return None if sent is None else orjson.loads(sent)


def test_a_link_that_went_with_what_it_led_to_comes_back_beside_what_stands() -> None:
    current = standing(7, {"dcterms:title": ["One"], "dcterms:relation": [link(5)]})
    sent = relinked(current, link(LINKED, is_public=False))
    assert [one["@value"] for one in sent["dcterms:title"]] == ["One"]
    assert [(one["value_resource_id"], one["is_public"]) for one in sent["dcterms:relation"]] == [
        (5, True),
        (NEW, False),
    ]
    after = patched(current, orjson.dumps(sent), NOW)
    assert relinked(after, link(LINKED, is_public=False)) is None


def test_a_membership_that_went_with_its_set_comes_back_beside_the_others() -> None:
    current = standing(7, {}, **{"o:item_set": [{"o:id": 4}]})
    assert relinked(current, sets=(LINKED,)) == {"o:item_set": [{"o:id": 4}, {"o:id": NEW}]}
    assert relinked(standing(7, {}, **{"o:item_set": [{"o:id": NEW}]}), sets=(LINKED,)) is None


@pytest.mark.parametrize("kind", ["item-set", "media"])
def test_fields_that_a_kind_has_not_are_not_sent(kind: Kind) -> None:
    was = standing(3, {}, kind, **{"o:item_set": [{"o:id": 1}], "o:site": [], "o:ingester": "html"})
    sent = orjson.loads(recreate_body(image(was), kind, (), {}, ()))
    assert {"o:item_set", "o:site"}.isdisjoint(sent)
