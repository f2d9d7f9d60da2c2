"""A new import from files to the records in Omeka, as somebody does it who never saw a terminal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import NARROW, WIDE, Variant, Window, variants
from tests.browser.shop import Shop, open_shop

Open = Callable[[str, Variant], Window]
REGISTER = """\
Accession no.,Title,Maker,Made,Notes
{0}.10,Tea pot,"Blake, R.",c. 1790,
{0}.11,Spoon <script>alert(1)</script>,"Turner, W.",1801,dented
{0}.12,Map of Rome,"Jones, G.",1820s,
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with open_shop(tmp_path_factory.mktemp("shop")) as shop:
        yield shop


def wait_for(one: Window, heading: str) -> None:
    """The page with this heading: by itself where there are scripts, else by looking again."""
    one.watch(one.page.get_by_role("heading", name=re.compile(heading)).first)


@variants(WIDE, NARROW)
def test_from_a_table_to_records_in_omeka(shop: Shop, window: Open, variant: Variant, tmp_path: Path) -> None:
    before = len(shop.omeka.dump()["items"])
    register = tmp_path / "register.csv"
    register.write_text(REGISTER.format(variant), encoding="utf-8")
    one = window(shop.address, variant).sign_in(shop.accession.key)
    one.page.get_by_role("link", name="New import", exact=True).click()
    one.look("new-1-files")
    one.page.get_by_label("Name of this import").fill(f"The July register, {variant}")
    one.page.get_by_label("Files", exact=True).set_input_files(register)
    one.page.get_by_role("button", name="Go on").click()
    one.page.get_by_role("button", name="Make it").wait_for()
    one.look("new-2-control")
    one.page.get_by_role("button", name="Make it").click()
    wait_for(one, "A control file was made")
    one.look("new-2-made")
    one.page.get_by_role("button", name="Go on with it").click()
    # One thing was left open: notes may be anything.
    one.page.get_by_text("still to be decided").first.wait_for()
    assert not one.page.get_by_role("button", name="Dry run of all records").is_visible()
    one.look("new-3-open")
    editor = one.page.get_by_label("Control file", exact=True)
    text = editor.input_value()
    assert text.count('"TODO: dcterms:description?"') == 1
    editor.fill(text.replace("TODO: dcterms:description?", "dcterms:description"))
    one.page.get_by_role("button", name="Save and check").click()
    wait_for(one, "How the first records will look")
    assert one.page.get_by_text("Spoon <script>alert(1)</script>").first.is_visible()
    one.look("new-3-check")
    assert len(shop.omeka.dump()["items"]) == before
    one.page.get_by_role("button", name="Dry run of all records").click()
    one.page.wait_for_url("**/admin/batches/*")
    batch = one.page.url.rsplit("/", 1)[1]
    assert shop.accession.wait(batch) == "dry-run"
    assert len(shop.omeka.dump()["items"]) == before
    one.open(f"/admin/batches/{batch}")
    one.page.get_by_role("button", name="Import").click()
    one.page.wait_for_url("**/admin/batches/*")
    assert shop.accession.wait(batch) == "complete"
    assert len(shop.omeka.dump()["items"]) == before + 3
