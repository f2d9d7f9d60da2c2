"""`elementSets` of the preset `omeka-classic-site`: what stands here stays, or follows the origin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.acceptance.sample_moves import Move, moving, structure_view
from tests.standins import omeka_classic, omeka_s

pytestmark = pytest.mark.timeout(600)

SET, CONDITION, POSTCARD = "Local Archive", ("Local Archive", "Condition"), "Postcard"
ORIGINAL_FORMAT = ("Item Type Metadata", "Original Format")
PHYSICAL_DIMENSIONS = ("Item Type Metadata", "Physical Dimensions")
POSTMARK, ADDRESSEE = ("Item Type Metadata", "Postmark"), ("Item Type Metadata", "Addressee")


def describe_origin(source: omeka_classic.StandIn) -> None:
    """An element with a description and a comment. `209`"""
    condition = next(one for one in source.dump()["elements"] if one["name"] == "Condition")
    source.seed(elements=[{**condition, "description": "The state of it", "comment": "good, torn, faded"}])


def seed_classic(target: omeka_classic.StandIn) -> None:
    """The same set and item type, described and ordered otherwise, with more and less in them."""
    target.seed(
        element_sets=[{"id": 4, "name": SET, "description": "Theirs", "record_type": None}],
        elements=[
            {"id": 60, "name": "Condition", "element_set": {"id": 4}, "order": 7, "comment": "Ours"},
            {"id": 61, "name": "Box", "element_set": {"id": 4}, "order": 1},
        ],
        item_types=[
            {"id": 18, "name": POSTCARD, "description": "Cards", "elements": [{"id": 61}, {"id": 10}]}
        ],
    )


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Move]:
    """Each test takes back what it has done."""
    with moving(tmp_path_factory.mktemp("sets"), omeka_classic.StandIn(), items=8) as move:
        describe_origin(move.source)
        seed_classic(move.target)
        yield move


def test_a_classic_keeps_its_own_descriptions_and_gets_what_is_missing(classic: Move) -> None:
    before, origin = (structure_view(one.dump()) for one in (classic.target, classic.source))
    batch = classic.run()
    here = structure_view(classic.target.dump())
    added = origin["elements"].keys() - before["elements"].keys()
    assert {name for _, name in added} == {"Shelfmark", "Accession Number", "Postmark", "Addressee"}
    assert here["elements"] == before["elements"] | {one: origin["elements"][one] for one in added}
    assert here["sets"] == before["sets"]
    kept = [(SET, "Box"), PHYSICAL_DIMENSIONS]
    assert here["types"][POSTCARD] == ("Cards", [*kept, POSTMARK, ADDRESSEE, ORIGINAL_FORMAT])
    assert "description-stays" not in classic.accession.log(batch)
    classic.undo(batch)
    assert structure_view(classic.target.dump()) == before


def test_a_classic_follows_the_origin_as_far_as_its_api_can_and_says_what_it_cannot(classic: Move) -> None:
    """Of an element a PUT takes its comment and its place, and of a set there is none (`004`)."""
    before, origin = (structure_view(one.dump()) for one in (classic.target, classic.source))
    batch = classic.run(elementSets="override")
    here = structure_view(classic.target.dump())
    assert here["types"][POSTCARD] == (
        "A picture postcard",
        [POSTMARK, ADDRESSEE, ORIGINAL_FORMAT, PHYSICAL_DIMENSIONS, (SET, "Box")],
    )
    description, comment, order = origin["elements"][CONDITION]
    assert (description, comment) == ("The state of it", "good, torn, faded")
    assert here["elements"][CONDITION] == ("", comment, order)
    assert here["elements"][SET, "Box"] == before["elements"][SET, "Box"]
    assert here["sets"][SET] == "Theirs"
    log = classic.accession.log(batch)
    assert "description-stays" in log
    assert "element set Local Archive, element Condition" in log
    classic.writes()
    again = classic.run(elementSets="override")
    assert classic.writes() == {}, classic.accession.log(again)

    # What somebody edits here is noticed, and follows the origin all the same.
    condition = next(one for one in classic.target.dump()["elements"] if one["name"] == "Condition")
    classic.target.seed(elements=[{**condition, "order": 9}])
    back = classic.run(elementSets="override")
    assert classic.writes() == {"PUT /api/elements/{id}": 1}, classic.accession.log(back)
    assert "conflict-overwrite" in classic.accession.log(back)
    for one in (back, batch):
        classic.undo(one)
    assert structure_view(classic.target.dump()) == before


def template_of(move: Move, label: str) -> dict[str, object]:
    found = next(one for one in move.target.dump()["templates"] if one["o:label"] == label)
    properties = [one["o:property"]["o:id"] for one in found["o:resource_template_property"]]
    return {"class": found["o:resource_class"], "properties": properties}


def test_an_omeka_s_keeps_its_template_of_that_name_or_has_it_follow_the_item_type(tmp_path: Path) -> None:
    with moving(tmp_path, omeka_s.StandIn(), items=8) as move:
        made = httpx2.post(
            f"{move.target.api}/resource_templates",
            params=move.target.key,
            json={"o:label": "Text", "o:resource_template_property": []},
        )
        assert made.status_code == 200, made.text
        before = template_of(move, "Text")
        assert before == {"class": None, "properties": []}
        move.run()
        assert template_of(move, "Text") == before
        move.writes()
        batch = move.run(elementSets="override")
        followed = template_of(move, "Text")
        assert followed["class"] is not None
        assert followed["properties"] != []
        assert move.writes() == {"PATCH /api/resource_templates/{id}": 1}, move.accession.log(batch)
        move.undo(batch)
        assert template_of(move, "Text") == before
