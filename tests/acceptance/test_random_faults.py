"""One request in twenty goes wrong, before or after the target acted: the import ends as if none had.

Everything runs ten times as quick as with a real Omeka S on two cores: the target answers about 150 requests
a second rather than 15, and a lost write is looked for after a tenth of the usual times. So there are as many
requests as in a real import.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import select

from service.store.database import Database
from service.store.tables import operation, run, stray_effect
from tests.acceptance.installation import CONTROL, Installation, rows, target_of
from tests.acceptance.worlds import Json
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Entry, Fault, FaultProxy

SHARE = 0.05
"""Of all requests, reads included, this share is spoiled."""
TIMEOUT = 1.0
SETTINGS = {"ACCESSION_LOOK_AGAIN": "[0.1, 0.5, 1.5, 6.0]"}
"""A tenth of the usual."""
CHANCE = {"@id", "o:id", "o:created", "o:modified"}
ANONYMOUS = {**CONTROL, "match": {}}
"""The same without a match: nothing but its content tells a record apart, and every record comes twice."""
CONTROLS = pytest.mark.parametrize("control", [CONTROL, ANONYMOUS], ids=["identity", "content"])


def answered(status: int, body: bytes = b"", **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault("answer", status=status, body=body, headers=named)


def faults() -> list[Fault]:
    """Every kind there is, as likely as one another; together they strike `SHARE` of the requests."""
    page = b"<!DOCTYPE html><html><body>Back soon</body></html>"
    # Each inner list is one kind, in its varieties.
    kinds = [
        [Fault("drop_before")],
        [Fault("answer_lost")],
        [Fault("cut_body")],
        [Fault("act_then_500")],
        [Fault("act_then_500", status=502)],
        # Sooner than the time limit, and later: then the target acts, or has acted, and nobody hears it.
        [Fault("delay", seconds=0.2), Fault("delay", seconds=1.5 * TIMEOUT)],
        [Fault("hold", seconds=0.2), Fault("hold", seconds=1.5 * TIMEOUT)],
        [
            answered(500, page),
            answered(502, b"Bad Gateway"),
            answered(503, b"Busy", retry_after="0.2"),
            answered(429, b"Slower", retry_after="0.2"),
            answered(200, page),
            answered(302, location="/install"),
            answered(302, location="/maintenance"),
        ],
    ]
    drawn = []
    for kind in kinds:
        for fault in kind:
            # All draw for each request and the first that strikes wins: none strikes with 1 - SHARE.
            fault.probability = 1 - (1 - SHARE) ** (1 / len(kinds) / len(kind))
            fault.times = 0
            drawn.append(fault)
    return drawn


@dataclass
class Imported:
    """What an import did, and what it left."""

    state: str
    log: str
    counts: Mapping[str, int]
    site: Counter[str]
    open: list[str]
    requests: Counter[str]
    spoiled: Counter[str]
    seconds: float


def imported(
    folder: Path, control: Mapping[str, Any], number: int, seed: int | None, patience: float
) -> Imported:
    """A whole import by a new installation into an empty target; `seed`: of the faults; None: none."""
    with StandIn() as omeka, FaultProxy(omeka.url, seed=seed or 0) as proxy:
        if seed is not None:
            omeka.knobs(delay_ms=13, workers=2)
            proxy.add(*faults())
        targets = {"omeka": target_of(omeka, proxy.url, connections=2, timeout=TIMEOUT)}
        with Installation(folder, targets, SETTINGS) as accession:
            accession.start()
            batch = accession.batch(control, {"data0": json.dumps(records(control, number)).encode()})
            began = time.monotonic()
            accession.schedule(batch)
            state = accession.wait(batch, patience)
            seconds = time.monotonic() - began
            return Imported(
                state,
                accession.log(batch),
                accession.counts(batch),
                resources(omeka.dump()),
                left_open(folder),
                Counter(_sort(one) for one in proxy.log),
                Counter(str(one.fault) for one in proxy.log if one.fault),
                seconds,
            )


def _sort(entry: Entry) -> str:
    """What a request is for, roughly: its method, its path, and how it is narrowed."""
    path, _, query = entry.target.partition("?")
    names = [name for name in parse_qs(query) if name in ("return_scalar", "id")]
    return " ".join([entry.method, path, *names])


def resources(dump: Json) -> Counter[str]:
    """What stands in the target, all but numbers and moments: which records got which is chance."""
    return Counter(
        f"{table}: {json.dumps(_shown(one), sort_keys=True)}"
        for table, several in dump.items()
        for one in several
    )


def _shown(one: Json) -> Json:
    match one:
        case dict():
            return {key: _shown(value) for key, value in one.items() if key not in CHANCE}
        case list():
            return [_shown(value) for value in one]
    return one


def records(control: Mapping[str, Any], number: int) -> list[dict[str, object]]:
    return rows(number) if control is CONTROL else [*rows(number // 2), *rows(number // 2)]


def left_open(folder: Path) -> list[str]:
    """Writes without an outcome, late answers that nobody looked into, runs that have not ended."""
    db = Database(f"sqlite:///{folder / 'data' / 'accession.db'}")
    try:
        with db.read() as connection:
            writes = connection.execute(select(operation.c.key).where(operation.c.outcome.is_(None)))
            strays = connection.execute(select(stray_effect.c.id).where(stray_effect.c.resolved_at.is_(None)))
            runs = connection.execute(select(run.c.id).where(run.c.ended_at.is_(None)))
            return [
                *(f"the write {one[0]} has no outcome" for one in writes),
                *(f"nobody has looked at the late answer {one[0]}" for one in strays),
                *(f"the run {one[0]} has not ended" for one in runs),
            ]
    finally:
        db.dispose()


def check(
    control: Mapping[str, Any], folder: Path, number: int, *, seed: int, most: float, patience: float
) -> None:
    spoiled = imported(folder / "spoiled", control, number, seed, patience)
    requests, struck = spoiled.requests.total(), spoiled.spoiled.total()
    told = (
        f"{number} records, {requests} requests {dict(spoiled.requests)}, "
        f"{struck} spoiled {dict(spoiled.spoiled)}, {spoiled.seconds:.0f} s"
    )
    print(told)
    assert spoiled.state == "complete", (told, spoiled.log)
    assert spoiled.counts["created"] == number
    assert spoiled.open == []
    assert spoiled.spoiled.keys() == {fault.kind for fault in faults()}
    assert struck > 0.7 * SHARE * requests, told
    plain = imported(folder / "plain", control, number, None, patience)
    assert plain.state == "complete", plain.log
    lost, twice = plain.site - spoiled.site, spoiled.site - plain.site
    assert not lost, (told, lost)
    assert not twice, (told, twice)
    assert requests <= most * number, told


@CONTROLS
def test_400_records_with_random_faults_end_as_without(tmp_path: Path, control: Mapping[str, Any]) -> None:
    # Beside a request a record, and another for each that never arrived (8 or so): two before the first,
    # one for the highest number, two for every sixty writes that others are looked for meanwhile, and in the
    # end, when there is nothing to share a look with, up to three looks for each that never arrived.
    check(control, tmp_path, 400, seed=3, most=1.2, patience=100)


@pytest.mark.full
@pytest.mark.timeout(1800)
@CONTROLS
def test_10000_records_with_random_faults_end_as_without(tmp_path: Path, control: Mapping[str, Any]) -> None:
    check(control, tmp_path, 10_000, seed=5, most=1.15, patience=1200)
