"""`plan=RUN` imports exactly what a dry run has shown, or nothing of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.acceptance.installation import CONTROL, Installation, rows
from tests.acceptance.laws import same
from tests.acceptance.scenes import Scene, outcomes
from tests.acceptance.worlds import Edit, literal
from tests.standins.omeka_s import StandIn

TITLE = "dcterms:title"


def planned(scene: Scene, run: str) -> list[Any]:
    """What the entries of a run say that they do."""
    return [
        (one.identifier, one.action, one.resource_id, scene.shop.changes(one))
        for one in scene.shop.entries(run)
    ]


def test_an_import_of_a_plan_does_what_the_plan_says(scenes: Callable[..., Scene], undisturbed: Any) -> None:
    scene = scenes()
    batch = scene.import_all()
    plan = scene.shop.run(batch, "dry-run")
    run = scene.shop.run(batch, plan=plan.id)
    assert run.ending == "finished", scene.shop.log(run.id)
    assert planned(scene, run.id) == planned(scene, plan.id)
    same(scene.state(), undisturbed[0], scene.shop.log(run.id))
    assert outcomes(scene.shop, run.id) == undisturbed[2]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (Edit("K1", "change", TITLE, "Mine"), f"{TITLE} was “One”, now “Mine”"),
        (Edit("K1", "change", "bibo:number", "Mine"), "something else of it was edited"),
        (Edit("K6", "delete", "", ""), "it was deleted"),
        (Edit("K0", "hide", "", ""), "something else of it was edited"),
    ],
)
def test_a_plan_that_no_longer_fits_is_not_begun_and_says_what_stands_otherwise(
    scenes: Callable[..., Scene], edit: Edit, told: str
) -> None:
    scene = scenes()
    batch = scene.import_all()
    plan = scene.shop.run(batch, "dry-run")
    scene.site.tick()
    scene.site.edit(edit)
    before = scene.site.dump()
    run = scene.shop.run(batch, plan=plan.id)
    assert (run.ending, run.code) == ("failed", "plan-stale")
    assert run.reason is not None
    assert f"item {before_number(scene, edit.name)} [{edit.name}]: {told}" in run.reason, run.reason
    assert scene.site.dump() == before


def before_number(scene: Scene, name: str) -> int:
    return {"K0": 9, "K1": 10, "K2": 11, "K6": 3}[name]


def test_a_plan_that_creates_what_somebody_has_created_meanwhile_is_not_begun(
    scenes: Callable[..., Scene],
) -> None:
    scene = scenes()
    batch = scene.import_all()
    plan = scene.shop.run(batch, "dry-run")
    scene.site.tick()
    (number,) = scene.site.omeka.seed(
        [{"dcterms:identifier": [literal("dcterms:identifier", "K4")], TITLE: [literal(TITLE, "Theirs")]}]
    )["items"]
    before = scene.site.dump()
    run = scene.shop.run(batch, plan=plan.id)
    assert (run.ending, run.code) == ("failed", "plan-stale")
    assert f"item [K4]: it is there by now ({number})" in (run.reason or ""), run.reason
    assert scene.site.dump() == before


@pytest.mark.parametrize("ticks", [True, False], ids=["later", "in the same second"])
@pytest.mark.parametrize(
    "edit",
    [
        Edit("K1", "change", "dcterms:subject", "mine"),
        Edit("K1", "add", "dcterms:description", "mine"),
    ],
)
def test_what_is_edited_between_check_and_write_is_left_alone_and_the_rest_is_done(
    scenes: Callable[..., Scene], undisturbed: Any, edit: Edit, ticks: bool
) -> None:
    scene = scenes()
    batch = scene.import_all()
    plan = scene.shop.run(batch, "dry-run")

    def meanwhile() -> None:
        # A stamp has whole seconds: what was planned against may bear the same one.
        scene.site.omeka.knobs(clock=scene.site.now if ticks else scene.site.now - 2)
        scene.site.edit(edit)
        scene.site.tick()

    run = scene.shop.run(batch, plan=plan.id, meanwhile=meanwhile)
    log = scene.shop.log(run.id)
    found = {one.identifier: (one.outcome, one.code) for one in scene.shop.entries(run.id)}
    assert found[edit.name] == ("rejected", "plan-stale"), log
    assert dict(outcomes(scene.shop, run.id)) == {**dict(undisturbed[2]), edit.name: "rejected"}
    item = scene.site.dump().named(edit.name)
    assert item is not None
    assert item["o:title"] == "One"
    assert "mine" in [one["@value"] for one in item[edit.term]]


def test_a_deletion_of_what_is_edited_between_check_and_write_is_not_carried_out(
    scenes: Callable[..., Scene],
) -> None:
    scene = scenes()
    batch = scene.import_all()
    plan = scene.shop.run(batch, "dry-run")

    def meanwhile() -> None:
        scene.site.tick()
        scene.site.edit(Edit("K2", "add", "dcterms:creator", "mine"))

    run = scene.shop.run(batch, plan=plan.id, meanwhile=meanwhile)
    found = {one.identifier: (one.outcome, one.code) for one in scene.shop.entries(run.id)}
    assert found["K2"] == ("rejected", "plan-stale"), scene.shop.log(run.id)
    assert scene.site.dump().named("K2") is not None
    assert scene.site.dump().named("K0") is None


def test_a_plan_of_other_data_is_refused(accession: Installation, omeka: StandIn) -> None:
    batch = accession.batch(CONTROL, {"data0": json.dumps(rows(2)).encode()})
    assert accession.run(batch, "dry-run") == "dry-run"
    plan = accession.facts(batch)["runs"][0]["run"]
    other = json.dumps(rows(3)).encode()
    answer = accession.post(
        "file", data={"batch": batch, "name": "data0", "replace": "true"}, files={"file": ("data0", other)}
    )
    assert answer.status_code == 200, answer.text
    answer = accession.post("schedule", data={"batch": batch, "mode": "import", "plan": plan})
    assert answer.status_code == 409
    assert answer.text.startswith("plan: the batch has other data than when that plan was made."), answer.text
    assert omeka.dump()["items"] == []
    assert accession.run(batch, "dry-run") == "dry-run"
    assert accession.run(batch, plan=accession.facts(batch)["runs"][0]["run"]) == "complete"
    assert len(omeka.dump()["items"]) == 3
