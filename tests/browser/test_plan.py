"""The page of a plan as people see it: of a catalogue that was imported, corrected, and is to come again."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests.browser.conftest import NARROW, WIDE, Variant, Window, variants
from tests.browser.shop import PAINTINGS, Shop, open_shop, paintings
from tests.browser.test_flows import until

CATALOGUE: dict[str, Any] = {
    **PAINTINGS,
    "onConflict": "overwrite",
    "maxRemovals": "50%",
    "match": {"item": {**PAINTINGS["match"]["item"], "absent": "delete"}},
    "instructions": [
        *PAINTINGS["instructions"],
        {"source": "about", "name": "dcterms:description", "language": "en"},
        {"source": "subjects", "name": "dcterms:subject", "multivalue": True},
        {"source": "page", "name": "dcterms:source", "type": "uri", "label": "Tate"},
        {"source": "note", "name": "dcterms:provenance", "public": False},
    ],
}
STORED = "<script>document.title = 'stolen'</script> & <b>Co</b>"
LONG = "A wide sky over Hampstead, seen from the house in the first hour after rain. " * 12
FIRST = "The catalogue of the drawings"
AGAIN = "The catalogue again, after a week of corrections"
Open = Callable[[str, Variant], Window]


def catalogue() -> list[dict[str, Any]]:
    records = paintings(40)
    for n, one in enumerate(records):
        one |= {
            "about": LONG if n % 7 == 0 else f"Sheet {n} of the series.",
            "subjects": ["clouds", "sky", f"study {n}"],
            "page": f"https://www.tate.example.org/works/{one['acno']}",
            "note": "Given by Isabel Constable",
        }
    return records


def corrected(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same a week later: corrections, new sheets, some that are gone, some that are wrong."""
    later = copy.deepcopy(records)[:-2]
    for row in range(0, 12, 2):
        later[row]["artist"] = "Constable, John (1776–1837)"
    later[0]["about"] = LONG.replace("first hour", "second hour")
    later[1]["subjects"] = ["clouds", "Hampstead", "study 1", "rain"]
    later[3]["subjects"] = ["clouds"]
    later[4]["title"] = STORED
    later[5]["page"] = "javascript:alert(document.domain)"
    later[6]["title"] = "Study of clouds over Hampstead"
    for row, made in ((20, "about 1820"), (21, "unknown"), (22, "17th century")):
        later[row]["made"] = made
    new = paintings(36, about="A sheet that was found behind another.")
    for n, one in enumerate(new):
        one |= {"acno": f"T{n:05}", "title": f"Unknown sheet, no. {n}", "subjects": ["trees", "a path"]}
    new[0]["title"] = f"{STORED} new"
    return later + new


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop")) as shop:
        records = catalogue()
        first = shop.batch(FIRST, records, CATALOGUE)
        assert shop.accession.run(first, "dry-run") == "dry-run"
        assert shop.accession.run(first) == "complete", shop.accession.log(first)
        edit_title(shop, "N00007", "Clouds, as the curator calls them")
        again = shop.batch(AGAIN, corrected(records), CATALOGUE)
        assert shop.accession.run(again, "dry-run") == "dry-run", shop.accession.log(again)
        shop.batch("Never run", paintings(2))
        yield shop


def edit_title(shop: Shop, identifier: str, to: str) -> None:
    """As somebody does in Omeka."""
    api = f"{shop.omeka.url}/api"
    key = {"key_identity": shop.omeka.key_identity, "key_credential": shop.omeka.key_credential}
    shop.omeka.knobs(clock=int(time.time()) + 60)  # not in the second in which it was imported
    items = httpx2.get(f"{api}/items", params={**key, "per_page": 100}).json()
    item = next(one for one in items if one["dcterms:identifier"][0]["@value"] == identifier)
    item["dcterms:title"][0]["@value"] = to
    answer = httpx2.patch(f"{api}/items/{item['o:id']}", params=key, json=item)
    assert answer.status_code == 200, answer.text


@variants(WIDE, NARROW)
def test_a_plan_is_read_narrowed_and_paged(shop: Shop, window: Open, variant: Variant) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    one.page.get_by_role("link", name=AGAIN).click()
    one.page.get_by_role("link", name="Plan", exact=True).click()
    one.page.get_by_role("heading", name="Dry run").wait_for()
    records = one.page.locator("article")
    assert records.count() == 30
    one.look("plan")
    # What a record holds is text, whatever it says.
    title = one.page.get_by_role("heading", name="T00000").inner_text()
    assert STORED in title
    assert one.page.title() == f"Plan of {AGAIN} · Accession"
    # What changes stands side by side, and says how without colour.
    changed = records.filter(has_text="N00002").get_by_role("row")
    cells = changed.all_inner_texts()
    assert all(word in cells[1] for word in ("dcterms:subject", "~", "changed", "sky", "Hampstead")), cells
    assert all(word in cells[2] for word in ("+", "added", "rain")), cells
    changed.get_by_text("2 values stay").click()
    assert changed.get_by_text("clouds").is_visible()
    # Page by page.
    one.page.get_by_role("link", name="Further records").click()
    one.page.get_by_role("link", name="From the beginning").wait_for()
    assert records.count() == 20
    assert records.last.get_by_text("rejected").is_visible()
    one.look("plan-further")
    one.page.get_by_role("link", name="The whole plan").click()
    one.page.get_by_label("What is to be done").select_option("reject")
    one.page.get_by_role("button", name="Show", exact=True).click()
    one.page.get_by_role("heading", name="Records that are like that").wait_for()
    assert records.count() == 4
    one.look("plan-rejected")
    one.page.get_by_role("link", name="Line 32 of the control file").first.click()
    one.page.wait_for_url("**/admin/controls/*#line-32")


@variants(WIDE, NARROW)
def test_a_plan_is_narrowed_by_what_changes_and_what_is_wrong(
    shop: Shop, window: Open, variant: Variant
) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    one.open(f"/admin/batches/{shop.batches[AGAIN]}/plan")
    records = one.page.locator("article")
    one.page.get_by_role("link", name="dcterms:subject").click()
    one.page.get_by_role("heading", name="Records that are like that").wait_for()
    assert "N00002" in records.first.inner_text()
    one.page.get_by_label("What is to be done").select_option("update")
    one.page.get_by_role("button", name="Show", exact=True).click()
    one.page.wait_for_url("**action=update*")
    assert [row.split()[-1] for row in records.locator("h3").all_inner_texts()] == ["N00002", "N00004"]
    one.look("plan-property")
    one.page.get_by_role("link", name="The whole plan").click()
    one.page.get_by_role("link", name="Show it: dcterms:title").click()
    one.page.get_by_text("Clouds, as the curator calls them").first.wait_for()
    assert records.count() == 1
    one.page.get_by_role("link", name="Link to this record").click()
    one.page.wait_for_url("**#r-*")
    assert one.page.locator("article:target").count() == 1
    one.page.get_by_label("Search in the records").fill("NO SUCH SHEET")
    one.page.get_by_role("button", name="Show", exact=True).click()
    one.page.get_by_text("No record is like that.").wait_for()
    one.look("plan-none-like-that")
    with one.page.expect_download() as download:
        one.page.get_by_role("link", name="Download these as CSV").click()
    assert download.value.suggested_filename == f"plan-{shop.batches[AGAIN]}.csv"


@variants(WIDE, NARROW)
def test_a_batch_without_a_plan_says_what_to_do_and_a_plan_is_imported_as_it_stands(
    shop: Shop, window: Open, variant: Variant
) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    records = [{**one, "acno": f"{variant} {one['acno']}"} for one in paintings(3)]
    batch = shop.batch(f"Never run, {variant}", records)
    one.open(f"/admin/batches/{batch}/plan")
    one.page.get_by_text("There is no plan yet.").wait_for()
    one.look("plan-none")
    one.page.get_by_role("button", name="Dry run").click()
    until(one, "Dry run done")
    one.open(f"/admin/batches/{batch}/plan")
    one.page.get_by_role("button", name="Import this plan").click()
    until(one, "Complete")
    one.open(f"/admin/batches/{batch}")
    one.page.get_by_role("button", name="Undo…").click()
    until(one, "Dry run done")
    one.page.get_by_role("link", name="Plan", exact=True).click()
    one.page.get_by_role("button", name="Undo now, as this plan says").wait_for()
    assert one.page.get_by_role("heading", name="Study of clouds").count() == 3
    one.look("plan-undo")
    # What was carried out can still be looked at.
    one.page.get_by_label("Plan of").select_option(index=1)
    one.page.get_by_role("button", name="Show", exact=True).click()
    one.page.get_by_text("It follows exactly the plan of the dry run").wait_for()
    assert one.page.locator("article .badge", has_text="created").count() == 3
    one.look("plan-carried-out")
