"""The sample site, 152 items with all that a site has, into another Omeka Classic and compared object by
object; again without a write; and undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.sample_moves import classic_view, moving, structure_view
from tests.standins.omeka_classic import StandIn, sample_site


@pytest.mark.parametrize("key", [True, False], ids=["with key", "anonymous"])
def test_the_whole_site_comes_over_once_and_is_taken_back(tmp_path: Path, key: bool) -> None:
    with moving(tmp_path, StandIn(), key=key) as move:
        before = move.target.dump()
        batch = move.run()
        origin, here = move.source.dump(), move.target.dump()
        wanted = classic_view(origin, origin=True, hidden=key)
        assert classic_view(here, origin=False) == wanted
        assert structure_view(here) == structure_view(origin)
        shown = [one for one in wanted if "/items/" in one]
        assert len(shown) == (sample_site.ITEMS if key else sample_site.ITEMS - sample_site.PRIVATE)
        log = move.accession.log(batch)
        assert "Exhibit" in log
        move.writes()
        again = move.run()
        assert move.writes() == {}, move.accession.log(again)
        assert move.accession.run(batch, "undo") == "undone", move.accession.log(batch)
        after = move.target.dump()
        assert {**after, "tags": []} == {**before, "tags": []}
