"""The report of a run as people see it, from its groups to one record: wide and narrow, light and dark, with
and without scripts."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import NARROW, WIDE, Variant, Window, variants
from tests.browser.shop import PAINTINGS, Shop, open_shop, paintings

Open = Callable[[str, Variant], Window]
FAULTY = "Constable: studies of clouds"
CORRECTED = "Constable: corrected"
NEVER = "Not yet run"
SCRIPT = "<script>document.title = 'stolen'</script>"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """An import of which some records failed, one that was undone, and one that never was."""
    with open_shop(tmp_path_factory.mktemp("shop")) as shop:
        accession = shop.accession
        records = paintings(120)
        for row in range(0, 120, 5):
            records[row]["made"] = ("about 1820", "17th century", "unknown", SCRIPT)[row // 5 % 4]
        records[15]["title"] = f"{SCRIPT} & <b>Co</b>"
        records[20]["size"] = "enormous"
        control = {
            **PAINTINGS,
            "instructions": [
                *PAINTINGS["instructions"],
                {"source": "size", "name": "dcterms:extent", "type": "numeric:integer", "onError": "reject"},
            ],
        }
        faulty = shop.batch(FAULTY, records, control)
        assert accession.run(faulty, "dry-run") == "dry-run"
        assert accession.run(faulty) == "complete-with-errors"
        undone = shop.batch(CORRECTED, [one | {"acno": f"C{one['acno']}"} for one in paintings(3)])
        assert accession.run(undone) == "complete"
        assert accession.run(undone, "undo") == "undone"
        shop.batch(NEVER, paintings(2))
        yield shop


@variants(WIDE, NARROW)
def test_from_the_groups_to_one_record(shop: Shop, window: Open, variant: Variant) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    page = one.page
    page.get_by_role("link", name=FAULTY).click()
    page.get_by_role("link", name="Report", exact=True).click()
    page.get_by_role("heading", name="Rejected").wait_for()
    assert page.title().startswith("Report of Constable")
    one.look("report")
    group = page.locator(".said-group .what").first
    assert group.inner_text().startswith("24 ×")
    assert "dcterms:date: “…” is no ISO 8601 date" in group.inner_text()
    assert "in made, for dcterms:date (line" in page.locator(".said-group").first.inner_text()
    group.get_by_role("link").click()
    page.get_by_role("heading", name="These records").wait_for()
    assert page.locator(".report tbody tr").count() == 24
    one.look("report-group")
    page.get_by_role("link", name="N00021").click()
    page.get_by_role("heading", name="N00021").wait_for()
    # All that is wrong with it, each with its place: so said the import, and the dry run before.
    assert page.locator("section.card").count() == 2
    said = page.locator("section.card").first.locator(".said-group")
    assert said.count() == 2
    assert "about 1820" in said.first.inner_text()
    assert "enormous" in said.nth(1).inner_text()
    assert "row 21 of data0" in page.get_by_role("main").inner_text()
    one.look("record")
    page.get_by_role("link", name="of the control file").first.click()
    page.wait_for_url("**/admin/controls/*#line-*")
    target = page.locator("li:target")
    assert '"source"' in target.inner_text() or "{" in target.inner_text()


@variants(WIDE, NARROW)
def test_what_is_stored_is_shown_as_text(shop: Shop, window: Open, variant: Variant) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    one.open(f"/admin/batches/{shop.batches[FAULTY]}/report?find=N00016")
    one.page.get_by_role("heading", name="N00016").wait_for()
    assert SCRIPT in one.page.locator(".said-group").first.inner_text()
    assert "stolen" not in one.page.title()
    one.look("record-script")
    one.open(f"/admin/batches/{shop.batches[FAULTY]}/report?find={SCRIPT}")
    one.page.get_by_role("heading", name="No record is called").wait_for()
    assert "stolen" not in one.page.title()
    one.look("report-not-found")


@variants(WIDE, NARROW)
def test_records_are_narrowed_found_and_paged(shop: Shop, window: Open, variant: Variant) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    page = one.page
    one.open(f"/admin/batches/{shop.batches[FAULTY]}/report")
    page.get_by_label("Show").select_option("created")
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**outcome=created*")
    assert page.locator(".report tbody tr").count() == 50
    one.look("report-created")
    page.get_by_role("link", name="Further records").click()
    page.get_by_role("link", name="From the beginning").wait_for()
    assert page.locator(".report tbody tr").count() == 46
    page.get_by_label("Identifier, or row 12").fill("N00012")
    page.get_by_label("Show").select_option("")
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("heading", name="N00012").wait_for()
    # What both runs, the dry run and the import, say of it.
    assert page.locator("section.card").count() == 2
    one.look("record-created")
    link = page.get_by_role("link", name="in Omeka").get_attribute("href") or ""
    assert "/admin/item/" in link


@variants(WIDE, NARROW)
def test_another_run_and_what_is_not_there(shop: Shop, window: Open, variant: Variant) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    page = one.page
    one.open(f"/admin/batches/{shop.batches[FAULTY]}/report")
    dry = page.get_by_label("Run").locator("option", has_text="Dry run").get_attribute("value") or ""
    page.get_by_label("Run").select_option(dry)
    page.get_by_role("button", name="Show", exact=True).click()
    page.get_by_role("heading", name="Dry run").wait_for()
    one.look("report-dry-run")
    one.open(f"/admin/batches/{shop.batches[CORRECTED]}/report")
    page.get_by_role("heading", name="Undo").wait_for()
    assert page.get_by_role("link", name="3 taken back").is_visible()
    one.look("report-undo")
    one.open(f"/admin/batches/{shop.batches[NEVER]}/report")
    page.get_by_text("There is nothing to report").wait_for()
    one.look("report-none")


@variants(WIDE)
def test_the_report_and_the_failed_records_are_downloaded(
    shop: Shop, window: Open, variant: Variant, tmp_path: Path
) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    page = one.page
    one.open(f"/admin/batches/{shop.batches[FAULTY]}/report")
    with page.expect_download() as expected:
        page.get_by_role("link", name="Download all as CSV").click()
    expected.value.save_as(tmp_path / "report.csv")
    with (tmp_path / "report.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 120
    assert [line["outcome"] for line in lines].count("rejected") == 24
    with page.expect_download() as expected:
        page.get_by_role("link", name="Download 24 failed records").click()
    expected.value.save_as(tmp_path / "failed.json")
    failed = json.loads((tmp_path / "failed.json").read_text(encoding="utf-8"))
    assert [record["acno"] for record in failed] == [f"N{n:05}" for n in range(1, 121, 5)]
    # By keyboard alone: from the beginning of the page to the first group, and into it.
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    for _ in range(40):
        page.keyboard.press("Tab")
        if "ISO 8601" in (page.evaluate("document.activeElement.textContent") or ""):
            break
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="These records").wait_for()
