"""What people do with the pages, from beginning to end, with and without scripts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.browser.conftest import NARROW, WIDE, Variant, Window, variants
from tests.browser.shop import Shop, open_shop, paintings

Open = Callable[[str, Variant], Window]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


def until(one: Window, text: str) -> None:
    """The state of the batch, once it is that: by itself where there are scripts, else by looking again."""
    badge = one.page.locator("#live .title .badge", has_text=re.compile(f"^{text}$")).first
    one.watch(badge)


@variants(WIDE, NARROW)
def test_a_dry_run_an_import_and_an_undo(shop: Shop, window: Open, variant: Variant) -> None:
    shop.omeka.knobs(delay_ms=0)
    before = len(shop.omeka.dump()["items"])
    batch = shop.batch(
        f"From the pages, {variant}", [{**one, "acno": f"{variant} {one['acno']}"} for one in paintings(5)]
    )
    one = window(shop.address, variant).sign_in(shop.accession.key)
    one.page.get_by_role("link", name=f"From the pages, {variant}").click()
    one.page.get_by_role("button", name="Dry run").click()
    until(one, "Dry run done")
    one.page.locator("#state .badge", has_text="Dry run done").wait_for()
    one.look("batch-dry-run")
    one.page.get_by_role("link", name="Look at the plan").click()
    one.page.get_by_role("heading", name="N00003").wait_for()
    assert len(shop.omeka.dump()["items"]) == before
    one.open(f"/admin/batches/{batch}")
    one.page.get_by_role("button", name="Import").click()
    until(one, "Complete")
    assert len(shop.omeka.dump()["items"]) == before + 5
    one.open(f"/admin/batches/{batch}")
    one.page.get_by_role("button", name="Undo…").click()
    until(one, "Dry run done")
    assert len(shop.omeka.dump()["items"]) == before + 5
    one.page.get_by_role("button", name="Undo now, as its plan says").click()
    until(one, "Undone")
    assert len(shop.omeka.dump()["items"]) == before
    one.look("batch-undone")


@variants(WIDE, NARROW)
def test_a_run_is_followed_paused_and_cancelled(shop: Shop, window: Open, variant: Variant) -> None:
    records = [{**one, "acno": f"slow {variant} {one['acno']}"} for one in paintings(1200)]
    batch = shop.batch(f"Slow, {variant}", records)
    shop.omeka.knobs(delay_ms=60)
    one = window(shop.address, variant).sign_in(shop.accession.key)
    shop.accession.schedule(batch)
    one.open(f"/admin/batches/{batch}")
    until(one, "Running")
    stage = one.page.locator(".stage", has_text="Writing into Omeka")
    one.watch(stage)
    one.page.locator("progress").wait_for()
    # One bar is enough.
    assert one.page.locator("#live section.card > .bar").count() == 0
    one.look("batch-running")
    if variant.scripts:
        # The badge beside the title follows the run; a table that was opened stays open when its chart is
        # drawn anew.
        one.page.locator("#state .badge", has_text="Running").wait_for()
        one.page.locator("#charts summary").first.click()
        with one.page.expect_response("**/charts") as drawn:
            pass
        drawn.value.finished()
        assert one.page.locator("#charts details").first.get_attribute("open") is not None
        # The log grows by itself.
        log = window(shop.address, variant).sign_in(shop.accession.key)
        log.open(f"/admin/batches/{batch}/log")
        rows = log.page.locator("tbody tr")
        first = rows.count()
        rows.nth(first + 3).wait_for()
        log.look("log-live")
        # So does the report, and the badge beside its title.
        report = window(shop.address, variant).sign_in(shop.accession.key)
        report.open(f"/admin/batches/{batch}/report")
        report.page.get_by_text("The run goes on").wait_for()
        report.look("report-running")
    one.page.get_by_role("button", name="Pause").click()
    until(one, "Paused")
    one.look("batch-paused")
    one.page.get_by_role("button", name="Go on").click()
    until(one, "Running")
    one.page.get_by_role("button", name="Cancel…").click()
    one.page.get_by_role("button", name="Cancel the run").click()
    until(one, "Cancelled")
    if variant.scripts:
        report.page.locator("#state .badge", has_text="Cancelled").wait_for()
        report.page.get_by_role("link", name="not carried out").wait_for()
        report.look("report-cancelled")
    shop.omeka.knobs(delay_ms=0)
    assert shop.accession.state(batch) == "cancelled"
    written = sum(f"slow {variant}" in str(item) for item in shop.omeka.dump()["items"])
    assert 0 < written < 1200
