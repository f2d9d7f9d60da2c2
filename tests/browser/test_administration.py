"""Control files, targets, keys and the system, as people see and use them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import NARROW, WIDE, Variant, Window, variants
from tests.browser.shop import PAINTINGS, Shop, open_shop, paintings

Open = Callable[[str, Variant], Window]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop")) as shop:
        shop.omeka.knobs(delay_ms=40)
        batch = shop.batch("Constable: studies of clouds", paintings(120))
        assert shop.accession.run(batch) == "complete"
        shop.omeka.knobs(delay_ms=0)
        yield shop


@variants(WIDE, NARROW)
def test_control_files(shop: Shop, window: Open, variant: Variant, tmp_path: Path) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    one.page.get_by_role("link", name="Control files").click()
    good = tmp_path / "paintings.json"
    named = {**PAINTINGS, "comment": f"for {variant}"}
    good.write_text(json.dumps(named, indent=2), encoding="utf-8")
    one.page.get_by_label("Name", exact=True).fill(f"Paintings, {variant}")
    one.page.get_by_label("Look its names up in").select_option("collections")
    one.page.get_by_label("Control file (JSON)").set_input_files(good)
    one.page.get_by_role("button", name="Upload").click()
    one.page.get_by_text("The control file is kept.").wait_for()
    one.look("control")
    one.open("/admin/controls")
    one.look("controls")
    bad = tmp_path / "wrong.json"
    instructions = [*PAINTINGS["instructions"], {"source": "made", "nme": "dcterms:date"}]
    bad.write_text(json.dumps({**PAINTINGS, "instructions": instructions}, indent=2), encoding="utf-8")
    one.page.get_by_label("Control file (JSON)").set_input_files(bad)
    one.page.get_by_role("button", name="Upload").click()
    one.page.get_by_role("heading", name="The control file cannot be used").wait_for()
    one.page.locator("#main a[href^='#line-']").last.click()
    assert 'unknown key "nme"' in one.page.locator(":target").inner_text()
    one.look("control-refused")


@variants(WIDE, NARROW)
def test_targets(shop: Shop, window: Open, variant: Variant) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    one.page.get_by_role("link", name="Targets").click()
    one.look("targets")
    one.page.get_by_role("link", name="collections").click()
    one.page.get_by_role("button", name="Check now").click()
    one.page.locator(".flash.good").wait_for()
    assert one.page.locator(".title .badge").inner_text() == "Answers"
    one.look("target")
    one.page.get_by_role("button", name="What can be mapped to").click()
    one.page.get_by_role("heading", name=re.compile("Dublin Core")).first.wait_for()
    one.look("target-model")


@variants(WIDE, NARROW)
def test_keys(shop: Shop, window: Open, variant: Variant) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    one.page.get_by_role("link", name="Keys").click()
    one.page.get_by_role("button", name="Make the key").click()
    one.page.get_by_text("Say what the key is for").wait_for()
    one.page.get_by_label("For", exact=True).fill(f"The catalogue’s nightly script, {variant}")
    one.page.get_by_label("Targets").select_option("collections")
    one.page.get_by_role("checkbox", name=re.compile("admin")).check()
    one.page.get_by_role("button", name="Make the key").click()
    secret = one.page.get_by_label("The key").input_value()
    one.look("key-made")
    other = window(shop.address, variant).sign_in(secret)
    one.page.get_by_role("link", name="I have copied it").click()
    one.look("keys")
    one.page.get_by_role("link", name=f"The catalogue’s nightly script, {variant}").click()
    one.look("key")
    one.page.get_by_role("button", name="Revoke this key").click()
    one.page.get_by_text("is revoked").wait_for()
    other.open("/admin/keys")
    other.page.get_by_role("heading", name="Sign in").wait_for()


@variants(WIDE, NARROW)
def test_the_system(shop: Shop, window: Open, variant: Variant) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    one.page.get_by_role("link", name="System").click()
    one.page.get_by_text("All is well").wait_for()
    one.look("system")


@variants(WIDE, NARROW)
def test_charts(shop: Shop, window: Open, variant: Variant) -> None:
    one = window(shop.address, variant).sign_in(shop.accession.key)
    one.page.get_by_role("img", name="Imports of the last 30 days").wait_for()
    one.look("charts-month")
    one.page.get_by_role("link", name="Constable: studies of clouds").click()
    records = one.page.locator("figure", has_text="Records over time")
    records.get_by_text("As a table").click()
    rows = records.locator("tbody tr")
    done = [int(row.locator("td").last.inner_text()) for row in rows.all()]
    assert done[0] == 0
    assert done[-1] == 120
    assert done == sorted(done)
    assert len(set(done)) > 3, "the worker measured it while it went on"
    one.look("charts-run")
    target = one.page.locator("figure", has_text="How the target answers")
    target.get_by_text("As a table").click()
    assert re.search(r"\b[4-9]\d ms", target.inner_text()), target.inner_text()
    one.open("/admin/targets/collections")
    one.page.get_by_role("img", name="The last day of collections").wait_for()
    one.look("charts-target")
