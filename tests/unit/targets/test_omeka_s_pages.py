"""The blocks of a page: what is written changes, what its editors made stays. Pure."""

from __future__ import annotations

from worker.records import Json
from worker.targets.omeka_s import pages

TITLE: Json = {"o:layout": "pageTitle", "o:data": []}
BREAK: Json = {"o:layout": "lineBreak", "o:data": {"break_type": "opaque"}}


def html(text: str) -> Json:
    return {"o:layout": "html", "o:data": {"html": text}, "o:layout_data": {"class": "wide"}}


def attached(item: int | None, caption: str = "") -> Json:
    return {"o:item": item and {"o:id": item}, "o:media": None, "o:caption": caption}


def showing(*items: Json) -> Json:
    return {"o:layout": "media", "o:data": {"alignment": "left"}, "o:attachment": list(items)}


def test_texts_take_the_places_of_texts() -> None:
    blocks = [TITLE, html("a"), BREAK, html("b")]
    assert pages.with_texts(blocks, ["c", "d"]) == [TITLE, html("c"), BREAK, html("d")]
    assert pages.with_texts(blocks, ["c"]) == [TITLE, html("c"), BREAK]
    more = pages.with_texts(blocks, ["c", "d", "e"])
    assert list(pages.texts_of(more)) == ["c", "d", "e"]
    assert more[:4] == [TITLE, html("c"), BREAK, html("d")]


def test_items_stay_at_their_places_with_their_captions() -> None:
    blocks = [showing(attached(5, "five"), attached(None, "gone"), attached(6)), BREAK, showing(attached(7))]
    assert pages.items_of(blocks) == [5, 6, 7]
    assert pages.with_items(blocks, [7, 5]) == [showing(attached(5, "five")), BREAK, showing(attached(7))]
    assert pages.items_of(pages.with_items(blocks, [8, 5])) == [5, 8]
    (made,) = pages.with_items([], [9])
    assert pages.items_of([made]) == [9]
    assert pages.with_items([TITLE], []) == [TITLE]
    assert pages.with_items([TITLE, showing(attached(5))], []) == [TITLE]
    assert pages.with_items([TITLE, showing()], [5])[1]["o:data"] == {"alignment": "left"}  # type: ignore[call-overload, index]


def test_a_page_goes_back_to_what_it_was_unless_its_editors_have_changed_it() -> None:
    then = [TITLE, html("a"), html("b"), showing(attached(5, "five"))]
    now = [TITLE, html("c"), showing(attached(6))]
    assert pages.earlier(then, now) == then
    edited = pages.earlier(then, [TITLE, html("c"), BREAK, showing(attached(6))])
    assert (list(pages.texts_of(edited)), pages.items_of(edited)) == (["a", "b"], [5])
    assert BREAK in edited


def test_items_that_came_back_are_shown_by_their_new_numbers() -> None:
    blocks = [TITLE, showing(attached(5, "five"), attached(6))]
    assert pages.renumbered(blocks, {5: 50}) == [TITLE, showing(attached(50, "five"), attached(6))]


def test_what_nobody_sets_is_not_sent_back() -> None:
    page: dict[str, Json] = {"@id": "x", "o:id": 1, "o:site": None, "o:title": "T", "o:block": [], "m:own": 1}
    assert pages.whole(page) == {"o:title": "T", "o:block": [], "m:own": 1}
