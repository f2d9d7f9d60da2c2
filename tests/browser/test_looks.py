"""Each page as people see it: wide and narrow, light and dark, with and without scripts.

In every picture nothing sticks out, axe finds nothing, and the browser's console is empty. The pictures are
kept in `artefacts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.browser.conftest import NARROW, WIDE, Variant, Window, variants
from tests.browser.shop import Shop, open_shop, paintings


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Batches that went as batches do."""
    with open_shop(tmp_path_factory.mktemp("shop")) as shop:
        accession = shop.accession
        records = paintings(30)
        for row, made in ((3, "about 1820"), (7, "unknown"), (11, "about 1820"), (12, "17th century")):
            records[row]["made"] = made
        records[15]["title"] = "<script>document.title = 'stolen'</script> & <b>Co</b>"
        faulty = shop.batch("Constable: studies of clouds", records)
        assert accession.run(faulty, "dry-run") == "dry-run"
        assert accession.run(faulty) == "complete-with-errors"
        changed = paintings(30, artist="John Constable (1776–1837)")
        dry = shop.batch(
            "The nightly import of the museum’s catalogue, with the corrections of the week", changed
        )
        assert accession.run(dry, "dry-run") == "dry-run"
        shop.batch("Not yet run", paintings(2))
        yield shop


Open = Callable[[str, Variant], Window]
FAULTY = "Constable: studies of clouds"
DRY = "The nightly import of the museum’s catalogue, with the corrections of the week"


@variants(WIDE, NARROW)
def test_signing_in(shop: Shop, window: Open, variant: Variant) -> None:
    one = window(shop.address, variant)
    one.open("/admin/batches")
    one.look("sign-in")
    one.page.get_by_label("API key").fill("acc_wrong")
    one.page.get_by_role("button", name="Sign in").click()
    one.page.get_by_text("This key is unknown").wait_for()
    one.look("sign-in-wrong")
    one.sign_in(shop.accession.key)
    one.open("/admin/nowhere")
    one.look("error")
    # By keyboard: the first stop leads past the navigation.
    one.open("/admin/batches")
    one.page.keyboard.press("Tab")
    assert one.page.evaluate("document.activeElement.textContent") == "Skip to the content"
    one.page.keyboard.press("Enter")
    one.page.keyboard.press("Tab")
    assert one.page.evaluate("document.activeElement.id") == "comment"
    one.page.get_by_role("button", name="Sign out").click()
    one.page.get_by_text("You are signed out.").wait_for()


@variants(WIDE, NARROW)
def test_the_list_of_batches(shop: Shop, window: Open, variant: Variant) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    assert one.page.get_by_role("link", name=DRY).is_visible()
    one.look("batches")
    one.page.get_by_label("State").select_option("complete-with-errors")
    one.page.get_by_role("button", name="Show").click()
    one.page.get_by_role("link", name=FAULTY).wait_for()
    assert not one.page.get_by_role("link", name=DRY).is_visible()
    one.page.get_by_label("Search in the comments").fill("nothing like it")
    one.page.get_by_role("button", name="Show").click()
    one.page.get_by_text("No batch is like that.").wait_for()
    one.look("batches-none")


@variants(WIDE, NARROW)
def test_a_batch(shop: Shop, window: Open, variant: Variant) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    one.page.get_by_role("link", name=FAULTY).click()
    one.page.get_by_role("button", name="Retry what failed").wait_for()
    one.page.get_by_text("Read it here").click()
    one.look("batch")
    one.open(f"/admin/batches/{shop.batches['Not yet run']}")
    one.look("batch-not-run")
    one.page.get_by_role("button", name="Import").click()
    one.page.get_by_text("Import without looking first?").wait_for()
    one.look("sure")


@variants(WIDE, NARROW)
def test_the_log(shop: Shop, window: Open, variant: Variant) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    one.open(f"/admin/batches/{shop.batches[FAULTY]}/log")
    one.look("log")
    one.page.get_by_label("Search in the lines").fill("17th century")
    one.page.get_by_role("button", name="Show", exact=True).click()
    one.page.wait_for_url("**text=17th*")
    assert one.page.locator("tbody tr").count() == 2
    one.page.locator("tbody tr a").first.click()
    one.page.wait_for_url("**#l-*")
    line = one.page.locator("tr:target")
    assert "17th century" in line.inner_text()
