"""The sample site, 152 items with all that a site has, into another Omeka Classic and compared object by
object; again without a write; and undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.sample_moves import (
    EDITED,
    REMOVING,
    SOURCE,
    change,
    classic_view,
    moving,
    structure_view,
)
from tests.standins.omeka_classic import StandIn, sample_site


@pytest.mark.timeout(600)
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
        move.undo(batch)
        after = move.target.dump()
        assert {**after, "tags": []} == {**before, "tags": []}


def edit_here(target: StandIn) -> None:
    """Somebody changes a title here, and adds a text of their own."""
    identity = f"{SOURCE}/items/{EDITED}"
    item = next(
        one
        for one in target.dump()["items"]
        if any(text["text"] == identity for text in one["element_texts"])
    )
    texts = [
        {**text, "text": "Edited here"} if text["element"]["name"] == "Title" else text
        for text in item["element_texts"]
    ]
    texts.append({"element": {"name": "Format"}, "text": "Theirs", "html": False})
    target.seed(items=[{**item, "element_texts": texts, "modified": None}])


@pytest.mark.timeout(600)
def test_what_is_changed_there_is_changed_here_and_nothing_else(tmp_path: Path) -> None:
    with moving(tmp_path, StandIn()) as move:
        move.run()
        edit_here(move.target)
        first = classic_view(move.target.dump(), origin=False)
        change(move.source)
        move.writes()
        batch = move.run({**REMOVING, "onConflict": "keep"}, dry=True)
        writes = move.writes()
        wanted = classic_view(move.source.dump(), origin=True)
        theirs = {"Title": [("Edited here", False)], "Format": [("Theirs", False)]}
        edited = wanted[f"{SOURCE}/items/{EDITED}"]
        edited["texts"] |= {("Dublin Core", name): texts for name, texts in theirs.items()}
        assert classic_view(move.target.dump(), origin=False) == wanted
        assert "conflict-keep" in move.accession.log(batch)
        assert writes == {
            "PUT /api/items/{id}": 6,
            "DELETE /api/items/{id}": 1,
            "PUT /api/collections/{id}": 1,
            "POST /api/files": 1,
            "DELETE /api/files/{id}": 1,
            "PUT /api/files/{id}": 3,
        }, move.accession.log(batch)
        again = move.run({**REMOVING, "onConflict": "keep"}, dry=True)
        assert move.writes() == {}, move.accession.log(again)
        move.undo(batch)
        assert classic_view(move.target.dump(), origin=False) == first
