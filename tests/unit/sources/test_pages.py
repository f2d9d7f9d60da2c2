"""What a page of a source says, and what records become of pages."""

from __future__ import annotations

from typing import Any

import pytest

from service.settings import SourceSettings
from worker.errors import Retriable
from worker.sources.asking import SourceHttp, listed
from worker.sources.omeka_classic import OmekaClassicSite
from worker.sources.pages import Page, Part, Position, page_of, position_of
from worker.sources.site import FAILED
from worker.stopping import Stop

LINK = (
    '<http://x/api/items?per_page=2&page=1>; rel="first", <http://x/api/items?per_page=2&page=70>; rel="last"'
)
NEXT = ', <http://evil.example.org/api/items?page=2>; rel="next"'


def classic() -> OmekaClassicSite:
    settings = SourceSettings(kind="omeka-classic", url="https://old.example.org")
    return OmekaClassicSite(SourceHttp("old", settings, Stop()))


def page(part: str, *entries: dict[str, Any], index: int = 0, failed: str = "") -> Page:
    return Page(part, index, 1, entries, len(entries), failed)


def test_of_link_only_whether_there_is_a_next_page_counts() -> None:
    headers = {"link": LINK + NEXT, "total": "139"}
    found = listed([{"id": 1}], headers, "total")
    assert (found.more, found.total, found.last) == (True, 139, 70)
    assert not listed([{"id": 1}], {"link": LINK, "total": "139"}, "total").more
    # Past its end a list goes on saying that there is a next page; it is empty, though.
    assert not listed([], headers, "total").more


@pytest.mark.parametrize("body", [{"errors": []}, "text", None, [1], [{"id": 1}, None]])
def test_what_is_no_list_of_records_is_asked_for_again(body: Any) -> None:
    with pytest.raises(Retriable):
        listed(body, {}, "total")


def test_pages_and_places_are_kept_as_they_were() -> None:
    one = page("items", {"id": 1, "text": "É \ud800 \u2028"}, index=3)
    assert page_of(one.bytes()) == Page("items", 3, 1, [{"id": 1, "text": "É \ud800 \u2028"}], 1)
    place = Position(2, 5, 139, 70)
    assert position_of(place.text()) == place


def test_a_record_that_comes_twice_is_one_and_the_later_counts() -> None:
    pages = [page("items", {"id": 1, "files": {"count": 0}}), page("items", {"id": 1, "public": True})]
    records = list(classic().records(("items",), pages))
    assert [(one["id"], one.get("public")) for one in records] == [(1, True)]


def test_an_item_without_all_of_its_files_is_no_record() -> None:
    item = {"id": 1, "files": {"count": 2}}
    pages = [page("files", {"id": 7, "item": {"id": 1}, "order": None}), page("items", item)]
    (record,) = classic().records(("items",), pages)
    failed = record[FAILED]
    assert isinstance(failed, dict)
    assert failed["code"] == "source-parts-missing"
    assert "1 of its 2 files" in str(failed["message"])


def test_files_stand_in_their_order_and_those_without_one_last() -> None:
    files = [{"id": n, "item": {"id": 1}, "order": order} for n, order in ((1, None), (2, 2), (3, 1))]
    pages = [page("files", *files), page("items", {"id": 1, "files": {"count": 3}})]
    (record,) = classic().records(("items",), pages)
    shown = record["files"]
    assert isinstance(shown, list)
    assert [one["id"] for one in shown if isinstance(one, dict)] == [3, 2, 1]


def test_which_records_are_asked_for_one_by_one() -> None:
    pages = [
        page("items", {"id": 1, "owner": {"id": 0}, "files": {"count": 2}}, {"id": 2, "files": {"count": 0}}),
        page("files", {"id": 5, "item": {"id": 9}}, {"id": 6, "item": {"id": 1}}),
        page("collections", {"id": 1, "owner": {"id": 4}}),
    ]
    ids = classic().ids
    assert ids(Part("items", "items/{}", each="changed"), pages) == [9]
    assert ids(Part("files", "files?item={}", each="items"), pages) == [1]
    assert ids(Part("users", "users/{}", each="owners"), pages) == [4]
