"""The Omekas that are imported into: how they are, what they are spared, what can be mapped to."""

from __future__ import annotations

from msgspec import Struct
from starlette.responses import Response

from service.admin.asked import TaskQuery, still_waiting, task_of_page
from service.admin.graphs import PIECE_MS, target_chart
from service.admin.site import Page, Visit
from service.admin.words import duration, plural, size
from service.api.targets import target_shown, targets_shown, the_target
from service.api.tasks import ask_worker, failed, failure_of, result_of, wait_for
from service.auth import require_scope
from service.control.target_model import TargetModel
from service.pacing import clock_of
from service.settings import TargetSettings
from service.store.database import now_ms
from service.store.samples import DAY_MS, pace_of_target
from service.store.tasks import TargetCheck
from service.store.troubles import troubles_of

PATH = "/admin/targets"
CHECK_WAIT = 20.0
"""Seconds that somebody who presses “Check now” waits at most."""
MOST_ITEM_SETS = 500
"""Item sets that the page of a model lists."""


class Nothing(Struct, frozen=True):
    pass


async def show_targets(visit: Visit) -> Response:
    visit.query(Nothing)
    rows = await targets_shown(visit)
    settings = visit.services.settings.targets
    return await visit.render("targets.html", rows=rows, settings=settings)


async def show_target(visit: Visit) -> Response:
    visit.query(Nothing)
    one, settings = await target_shown(visit)
    now = now_ms()
    found = await visit.db.run(pace_of_target, one.name, now - DAY_MS, PIECE_MS)
    return await visit.render(
        "target.html",
        one=one,
        limits=limits_of(settings),
        windows=windows_of(settings),
        time_zone=settings.time_zone,
        chart=target_chart(one.name, found, now),
        troubles=await visit.db.run(troubles_of, one.name),
    )


def limits_of(settings: TargetSettings) -> list[tuple[str, str]]:
    """What holds for a target, as a person would say it."""
    most = settings.requests_per_second
    return [
        ("At a time", plural(settings.connections, "request")),
        ("In a second", f"{most:g} at most" if most is not None else "as many as it answers"),
        ("A request may take", duration(round(settings.timeout * 1000))),
        ("Files with their item", f"{settings.inline_files}, {size(settings.inline_bytes)} together"),
        ("Largest file", size(settings.largest_file) if settings.largest_file else "not known"),
        ("May fetch addresses itself", "yes" if settings.allow_url_ingest else "no"),
        ("May take files of its own folder", "yes" if settings.allow_sideload else "no"),
    ]


def windows_of(settings: TargetSettings) -> list[tuple[str, str, str]]:
    """Days, hours, and what holds in them."""
    return [
        (
            window.days,
            f"{clock_of(window.begins)} to {clock_of(window.ends)}",
            "nothing is asked of it"
            if window.quiet
            else ", ".join(
                part
                for part in (
                    f"{plural(window.connections, 'request')} at a time" if window.connections else "",
                    f"{window.requests_per_second:g} a second at most" if window.requests_per_second else "",
                )
                if part
            ),
        )
        for window in settings.pace
    ]


async def post_check(visit: Visit) -> Response:
    await visit.form(Nothing)
    require_scope(visit.key, "read")
    name, _ = the_target(visit)
    task = await wait_for(visit, await ask_worker(visit, "target-check", target=name), CHECK_WAIT)
    path = f"{PATH}/{name}"
    if task.ended_at is None:
        said = "No worker has looked yet. Is one running? The page shows what it finds as soon as it has."
        return visit.redirect(path, said, "warn")
    failure = failure_of(task)
    if failure is not None:
        return visit.redirect(path, failure.message, "bad")
    found = result_of(task, TargetCheck)
    return visit.redirect(path, found.message, "good" if found.ok else "bad")


async def post_model(visit: Visit) -> Response:
    await visit.form(Nothing)
    require_scope(visit.key, "read")
    name, _ = the_target(visit)
    task = await ask_worker(visit, "target-model", target=name)
    return visit.redirect(f"{PATH}/{name}/model", task=task.id)


async def show_model(visit: Visit) -> Response:
    query = visit.query(TaskQuery)
    name, _ = the_target(visit)
    task = await task_of_page(visit, query.task, "target-model")
    if task.ended_at is None:
        return await still_waiting(visit, task, f"What can be mapped to in {name}", f"{PATH}/{name}")
    failure = failure_of(task)
    if failure is not None:
        raise failed(failure)
    model = result_of(task, TargetModel)
    return await visit.render("target-model.html", name=name, model=model, most_item_sets=MOST_ITEM_SETS)


PAGES = (
    Page("GET", PATH, show_targets, section="targets"),
    Page("GET", f"{PATH}/{{name}}", show_target, section="targets"),
    Page("POST", f"{PATH}/{{name}}/check", post_check, section="targets"),
    Page("GET", f"{PATH}/{{name}}/model", show_model, section="targets"),
    Page("POST", f"{PATH}/{{name}}/model", post_model, section="targets"),
)
