"""A site and an installation in the middle of its work, for tests of what may go wrong then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from service.store.tables import operation
from tests.acceptance.workshop import Shop
from tests.acceptance.worlds import Json, Order, Row, Site, State
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import FaultProxy

BEFORE = Order(
    (
        Row("K0", "One", ("ash",), description="long", see=("K1",)),
        Row("K1", "One", ("birch",), see=("K2", "K6")),
        Row("K2", "One", see=("K0",)),
        Row("K6", "One", ("cedar",)),
    )
)
AFTER = Order(
    (
        Row("K1", "Two", ("ash", "cedar"), description="longer", see=("K3",)),
        Row("K3", "Two", see=("K4", "K6")),
        Row("K4", "Two", ("birch",), see=("K3", "K4")),
        Row("K5", "Two", see=("K1",)),
        Row("K6", "Two", ("ash",), see=("K5",)),
        Row("K2", "One", fate="gone"),
    ),
    absent="delete",
)
"""Creates, in two circles; updates; one deletion that a record asks for, and one since none speaks of it."""


@dataclass
class Scene:
    """A site and an installation that has imported `BEFORE`."""

    site: Site
    shop: Shop
    proxy: FaultProxy | None = None

    def import_all(self) -> str:
        """`AFTER`, not begun: the batch."""
        batch = self.shop.batch(AFTER.control, AFTER.files)
        assert self.shop.run(batch, "dry-run").ending == "finished"
        return batch

    def state(self) -> Json:
        return by_name(self.site.dump())


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Scene]]:
    """Makes scenes on one stand-in, each from the beginning."""
    folders = tmp_path_factory.mktemp("scenes")
    made: list[Scene] = []

    def make(database_url: str = "", *, spoiled: bool = False, **settings: Any) -> Scene:
        close()
        site = Site(omeka)
        proxy = FaultProxy(omeka.url) if spoiled else None
        url = proxy.url if proxy else ""
        shop = Shop(
            folders / f"shop {time.monotonic_ns()}",
            omeka,
            database_url=database_url,
            url=url,
            lease=0.6,
            **settings,
        )
        made.append(Scene(site, shop, proxy))
        first = shop.run(shop.batch(BEFORE.control, BEFORE.files))
        assert first.counts["created"] == 3, shop.log(first.id)
        site.tick()
        return made[-1]

    def close() -> None:
        while made:
            scene = made.pop()
            scene.shop.close()
            scene.site.close()
            if scene.proxy is not None:
                scene.proxy.close()

    with StandIn() as omeka:
        yield make
        close()


def by_name(state: State) -> Json:
    """The whole site, resources by name rather than by number: which number a new one gets is chance."""
    names = {one["o:id"]: str(one["dcterms:identifier"][0]["@value"]) for one in state.items}
    names |= {one["o:id"]: f"media of {names[one['o:item']['o:id']]}" for one in state.tables["media"]}
    return {
        table: {str(names.get(one["o:id"], one["o:id"])): _named(one, names) for one in rows}
        for table, rows in state.tables.items()
    }


_MOMENTS = ("o:modified", "o:created", "@reverse", "o-module-mapping:marker", "data")


def _named(shown: Json, names: dict[int, str]) -> Json:
    match shown:
        case dict():
            address = str(shown.get("@id", ""))
            ours = address.startswith(("/api/items/", "/api/media/"))
            found = {key: _named(value, names) for key, value in shown.items() if key not in _MOMENTS}
            if ours:
                number = shown.get("o:id", shown.get("value_resource_id"))
                found |= {"@id": "", "o:id": names.get(number), "value_resource_id": names.get(number)}
            return found
        case list():
            return [_named(one, names) for one in shown]
    return shown


def journal_is_true(shop: Shop, run_id: str) -> None:
    """Every write that was meant has an outcome, and what an entry says was done stands in the journal."""
    with shop.db.read() as connection:
        rows = connection.execute(select(operation).where(operation.c.run_id == run_id)).all()
    assert all(row.outcome in ("done", "superseded", "not-sent") for row in rows), rows
    done = {row.seq for row in rows if row.outcome == "done"}
    for entry in shop.entries(run_id):
        if entry.outcome in ("created", "updated", "deleted"):
            assert entry.seq in done, entry


def outcomes(shop: Shop, run_id: str) -> list[tuple[str | None, str | None]]:
    return sorted((one.identifier or "", one.outcome or "") for one in shop.entries(run_id))


@pytest.fixture(scope="module")
def undisturbed(scenes: Callable[..., Scene]) -> tuple[Json, Json, Any, Any]:
    """How the site stands after the import, and after its undo; and what came of each entry."""
    scene = scenes()
    batch = scene.import_all()
    run = scene.shop.run(batch)
    after, told = scene.state(), outcomes(scene.shop, run.id)
    scene.site.tick()
    undo = scene.shop.run(batch, "undo")
    return after, scene.state(), told, outcomes(scene.shop, undo.id)
