"""Plans as a worker makes them, and what their pages show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import unescape
from typing import Any

import msgspec

from service.store.changes import Change, Changes, Conflict
from service.store.plans import Entry
from tests.service.conftest import House
from worker.planning.groups import group
from worker.records import Draft, Problem, Property, Value


def entry(seq: int, action: Any = "update", **more: Any) -> Entry:
    given = {
        "seq": seq,
        "file": "works.csv",
        "row": seq + 1,
        "ordinal": 0,
        "destination": "item",
        "kind": "item",
        "identifier": f"A{seq}",
        "action": action,
    }
    return Entry(**{**given, **more})


def updated(seq: int, *changes: Change, conflicts: tuple[Conflict, ...] = (), **more: Any) -> Entry:
    data = msgspec.json.encode(Changes(changes, conflicts))
    return entry(seq, "update", **{"resource_id": 1000 + seq, "changes": data, **more})


def created(seq: int, *properties: tuple[str, Sequence[str]], **more: Any) -> Entry:
    values = tuple(
        Property(term, tuple(Value(text=text) for text in texts)) for term, texts in properties
    ) or (Property("dcterms:title", (Value(text=f"Work {seq}"),)),)
    draft = Draft("item", "item", 0, properties=values)
    return entry(seq, "create", draft=msgspec.json.encode(draft), **more)


def retitled(seq: int, name: str = "dcterms:title") -> Entry:
    return updated(seq, Change(name, (f"Old {seq}",), (f"New {seq}",), (), (f"Old {seq}",), (f"New {seq}",)))


def rejected(seq: int, code: str = "not-a-date", **more: Any) -> Entry:
    found = Problem("reject", code, "“about 1820” is not understood as a date.", "/instructions/1")
    return entry(seq, "reject", outcome="rejected", problems=msgspec.json.encode([found]), **more)


def planned(house: House, entries: list[Entry], mode: str = "dry-run", *, batch: str = "") -> tuple[str, str]:
    """A batch with a run that planned these, as a worker does; both."""
    batch = batch or house.filled()
    run = house.schedule(batch, mode)
    counts = {"read": len(entries), "planned": len(entries)}
    for one in entries:
        counts[f"action:{one.action}"] = counts.get(f"action:{one.action}", 0) + 1
    found = group(entries)
    house.finish(run, entries=entries, groups=found.groups, places=found.places, counts=counts)
    return batch, run


def shown(page: str) -> list[int]:
    """The entries that a page shows."""
    return [int(seq) for seq in re.findall(r'<article [^>]*id="r-(\d+)"', page)]


def link(page: str, text: str) -> str:
    found = re.search(rf'href="([^"]+)"[^>]*>{text}<', page)
    assert found is not None, f"no link: {text}"
    return unescape(found[1])


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())
