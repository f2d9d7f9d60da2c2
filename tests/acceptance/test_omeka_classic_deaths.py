"""A worker that dies at any write to an Omeka Classic: nothing is written twice, and nothing is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.workshop import Shop
from tests.standins.omeka_classic import StandIn

CONTROL: dict[str, Any] = {
    "dataImportControlFileVersion": 1,
    "model": "omeka-classic",
    "visibility": "public",
    "match": {"item": {"source": "acno", "by": "dcterms:identifier", "scope": "deaths"}},
    "files": {"data0": {"read": "json"}, "scans/**": {"read": "attachment", "required": False}},
    "instructions": [
        {"action": "new", "destination": "item"},
        {"source": "title", "name": "dcterms:title"},
        {"source": "tag", "name": "tags"},
        {
            "action": "if-exists",
            "source": "scan",
            "then": [
                {"action": "new", "destination": "media"},
                {"source": "scan", "destination": "media", "name": "file"},
            ],
        },
    ],
}
FILES = {
    "data0": [
        {"acno": "D 1", "title": "One", "tag": "new"},
        {"acno": "D 2", "title": "Two", "tag": "new", "scan": "scans/two.txt"},
    ],
    "scans/two.txt": b"the second page",
}


@pytest.fixture(scope="module")
def _omeka() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("moment", [1, 2, 3])
def test_whatever_write_a_worker_dies_at_all_is_written_once(
    tmp_path: Path, _omeka: StandIn, moment: int, sent: bool
) -> None:
    scope = f"deaths {moment} {sent}"
    control = {**CONTROL, "match": {"item": {**CONTROL["match"]["item"], "scope": scope}}}
    records = [{**one, "acno": f"{scope} {one['acno']}"} for one in FILES["data0"]]  # type: ignore[dict-item]
    shop = Shop(tmp_path, _omeka, lease=1.0)  # type: ignore[arg-type]
    try:
        run = shop.schedule(shop.batch(control, {**FILES, "data0": records}))
        assert shop.run_dying(run, moment, sent=sent)
        facts = shop.take_over(run)
        assert facts.ending == "finished", shop.log(run)
        dump = _omeka.dump()
        mine = {
            item["id"]: one["text"]
            for item in dump["items"]
            for one in item["element_texts"]
            if one["element"]["name"] == "Identifier" and one["text"].startswith(scope)
        }
        assert Counter(mine.values()) == {f"{scope} D 1": 1, f"{scope} D 2": 1}
        files = [one["original_filename"] for one in dump["files"] if one["item"]["id"] in mine]
        assert files == ["two.txt"], shop.log(run)
    finally:
        shop.close()
