"""What happens in a round: imports, edits, an undo, and what is done to them meanwhile, from a seed alone.

Nothing here touches anything: a plan can be printed, and drawn again from its seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from service.control.target_model import TargetKind
from tests.acceptance.classic_worlds import on_classic
from tests.acceptance.worlds import SUBJECTS, UNNAMED, Edit, Order, Row
from tests.standins.proxy import Fault, Kind

What = Literal[
    "kill worker",
    "stop worker",
    "freeze worker",
    "freeze worker in a send",
    "kill service",
    "kill queue",
    "flush queue",
    "kill everything",
    "keep the database away",
    "edit of a bystander",
    "edit while nobody works",
    "pause",
    "pause and kill worker",
    "cancel",
]
"""`kill` is kill -9, `stop` SIGTERM; `freeze` SIGSTOP past the lease, with another worker, and SIGCONT. In a
send: a write is under way meanwhile, and its answer waits. The database away: locked (SQLite), or stopped
for whoever works with it (PostgreSQL). A pause ends with a resume; the step says what follows on a cancel."""

_WEIGHTS: dict[What, int] = {
    "kill worker": 6,
    "stop worker": 2,
    "freeze worker": 3,
    "freeze worker in a send": 4,
    "kill service": 2,
    "kill queue": 1,
    "flush queue": 1,
    "kill everything": 2,
    "keep the database away": 2,
    "edit of a bystander": 2,
    "edit while nobody works": 2,
    "pause": 2,
    "pause and kill worker": 1,
}

STEERING: tuple[What, ...] = ("pause", "pause and kill worker", "cancel")

_FAULTS: dict[Kind, int] = {
    "delay": 2,
    "drop_before": 2,
    "answer_lost": 4,
    "cut_body": 2,
    "answer": 3,
    "act_then_500": 2,
    "hold": 2,
}
_ANSWERS: tuple[tuple[int, dict[str, str], bytes], ...] = (
    (500, {}, b"<!DOCTYPE html><html><body>Error</body></html>"),
    (500, {}, b""),
    (502, {}, b"Bad Gateway"),
    (503, {"retry-after": "0.2"}, b"Busy"),
    (429, {"retry-after": "0.3"}, b"Slower"),
    (200, {}, b"<!DOCTYPE html><html><body>Back soon</body></html>"),
    (302, {"location": "/install"}, b""),
    (302, {"location": "/maintenance"}, b""),
)


@dataclass(frozen=True)
class Strike:
    """Something that is done once the target has got `after` requests of the run."""

    after: int
    what: What
    seconds: float
    """How long it lasts: until what was killed is started again, or what was frozen wakes."""


@dataclass(frozen=True)
class Spoil:
    """A share of the requests that goes wrong on its way."""

    kind: Kind
    share: float
    times: int
    method: str | None = None
    status: int = 500
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    seconds: float = 0.0

    @property
    def fault(self) -> Fault:
        return Fault(
            self.kind,
            method=self.method,
            probability=self.share,
            times=self.times,
            status=self.status,
            headers=dict(self.headers),
            body=self.body,
            seconds=self.seconds,
        )


Follower = Literal["again", "undo"]
"""What somebody does whose run was cancelled: the same once more, or take back what it did."""


@dataclass(frozen=True)
class Step:
    """One run. An `order` is imported; without one the last import is undone."""

    order: Order | None
    strikes: tuple[Strike, ...]
    spoils: tuple[Spoil, ...]
    edits: tuple[Edit, ...] = ()
    """What somebody does before it."""
    exactly: bool = False
    """Whether exactly what the dry run has shown is imported."""
    beside: Order | None = None
    """Another batch of the same scope, scheduled right after it through another service."""
    twice: bool = False
    """Whether the import is scheduled through two services in the same moment."""
    after_cancel: Follower = "again"
    at_once: bool = False
    """Whether that comes before it is known what the cancelled run's last writes did."""

    @property
    def edits_meanwhile(self) -> bool:
        """Whether somebody edits what the run writes."""
        return self.strikes_with("edit while nobody works")

    @property
    def cancels(self) -> bool:
        return self.strikes_with("cancel")

    def strikes_with(self, what: What) -> bool:
        return any(one.what == what for one in self.strikes)


@dataclass(frozen=True)
class Round:
    """All of a round."""

    seed: int
    steps: tuple[Step, ...]
    connections: int
    chunk: int
    timeout: float
    """Seconds after which an answer counts as lost."""
    delay_ms: int
    """What the target takes for a request, in each of as many slots as there are connections."""
    settings: dict[str, str] = field(default_factory=dict)
    target: TargetKind = field(default="omeka-s", repr=False)
    knobs: dict[str, Any] = field(default_factory=dict, repr=False)
    """What else is so of the target."""

    @property
    def services(self) -> int:
        """How many it needs."""
        return 2 if any(one.twice or one.beside is not None for one in self.steps) else 1


def draw_round(seed: int, most: int = 40, target: TargetKind = "omeka-s") -> Round:
    """The round of a seed; `most` records at most in an import."""
    drawn = _drawn(seed, most)
    return drawn if target == "omeka-s" else _on_classic(drawn)


def _drawn(seed: int, most: int) -> Round:
    chance = random.Random(seed)
    connections = chance.choice([1, 2, 2, 4])
    pool = ["K6", "K7", *(f"K{n}" for n in range(10, 10 + most - 2))]
    names = chance.sample(pool, chance.randint(max(6, most // 3), most - 4))
    rows = _rows(chance, names, pool, "keep", standing=("K6", "K7"))
    first = _order(chance, rows, "keep")
    steps = [_step(chance, first, len(rows))]
    standing = first
    for _ in range(chance.choice([1, 1, 2])):
        kind = chance.choice(["import", "import", "import", "import", "two imports", "undo"])
        if kind == "undo" and _can_be_undone(steps[-1]):
            steps.append(_step(chance, None, len(standing.rows)))
            continue
        standing = _next(chance, standing, pool)
        edits = tuple(_edit(chance, pool) for _ in range(chance.choice([0, 0, 1, 3])))
        step = replace(_step(chance, standing, len(standing.rows)), edits=edits)
        if kind == "two imports":
            standing = _next(chance, standing, pool)
            step = _of_two(step, standing)
        steps.append(step)
    if _can_be_undone(steps[-1]) and chance.random() < 0.5:
        steps.append(_step(chance, None, len(standing.rows)))
    return Round(
        seed,
        tuple(_with_primary(seed, _with_scans(seed, steps))),
        connections,
        chance.choice([3, 10, 200]),
        chance.choice([0.8, 0.8, 6.0]),
        chance.choice([2, 10, 30]),
    )


def _can_be_undone(step: Step) -> bool:
    return step.order is not None and not step.edits_meanwhile


# --- Omeka Classic ---------------------------------------------------------------------------------


def _on_classic(drawn: Round) -> Round:
    """The same round against an Omeka Classic, with what goes wrong there alone; drawn apart."""
    chance = random.Random(f"classic {drawn.seed}")
    knobs = {
        "uploads_collide": chance.random() < 0.5,
        "override_only": chance.random() < 0.2,
        "per_page": chance.choice([5, 50, 50]),
        "deadlocks": chance.choice([0, 13, 29, 83]),
    }
    steps = tuple(
        replace(
            step,
            order=on_classic(step.order) if step.order is not None else None,
            beside=on_classic(step.beside) if step.beside is not None else None,
            spoils=tuple(_put(one) for one in step.spoils),
        )
        for step in drawn.steps
    )
    return replace(drawn, steps=steps, target="omeka-classic", knobs=knobs)


def _put(spoil: Spoil) -> Spoil:
    return replace(spoil, method="PUT") if spoil.method == "PATCH" else spoil


# --- scans -----------------------------------------------------------------------------------------


def _with_scans(seed: int, steps: Sequence[Step]) -> list[Step]:
    """The same steps; in every second round the records bring files, which change from import to import.

    Drawn apart, so that a seed means what it meant but for that.
    """
    chance = random.Random(f"scans {seed}")
    if chance.random() < 0.5:
        return list(steps)
    standing: dict[str, tuple[tuple[str, int], ...]] = {}
    return [
        replace(
            step,
            order=_scanned(chance, step.order, standing) if step.order is not None else None,
            beside=_scanned(chance, step.beside, standing) if step.beside is not None else None,
        )
        for step in steps
    ]


def _with_primary(seed: int, steps: Sequence[Step]) -> list[Step]:
    """The same steps; of some records one file is the primary media, and one the thumbnail. Drawn apart."""
    chance = random.Random(f"primary {seed}")
    often, covers = chance.choice([0.0, 0.3, 0.6]), chance.choice([0.0, 0.4])
    standing: dict[str, tuple[str, str]] = {}

    def drawn(order: Order | None) -> Order | None:
        if order is None:
            return None
        rows = []
        for row in order.rows:
            letters = [letter for letter, _ in row.scans]
            if letters and (row.name not in standing or chance.random() < 0.5):
                primary = chance.choice(letters) if chance.random() < often else ""
                standing[row.name] = (primary, chance.choice(letters) if chance.random() < covers else "")
            primary, cover = (one if one in letters else "" for one in standing.get(row.name, ("", "")))
            rows.append(replace(row, primary=primary, cover=cover))
        return replace(order, rows=tuple(rows))

    return [replace(step, order=drawn(step.order), beside=drawn(step.beside)) for step in steps]


def _scanned(chance: random.Random, order: Order, standing: dict[str, tuple[tuple[str, int], ...]]) -> Order:
    rows = []
    for row in order.rows:
        if row.name not in standing or chance.random() < 0.5:
            letters = chance.sample("abcd", chance.choice([0, 1, 1, 2, 3]))
            standing[row.name] = tuple((letter, chance.choice([1, 1, 2])) for letter in letters)
        rows.append(replace(row, scans=standing[row.name] if row.fate != "gone" else ()))
    return replace(order, rows=tuple(rows))


# --- records ---------------------------------------------------------------------------------------


def _order(chance: random.Random, rows: Sequence[Row], absent: str) -> Order:
    on_update = chance.choice(["replace", "replace", "replace", "append"])
    return Order(
        tuple(rows),
        on_update,
        chance.choice(["all", "ours"]) if on_update == "replace" else "all",
        chance.choice(["replace", "append"]),
        "overwrite",
        absent,
        describes=chance.random() < 0.8,
        medium=chance.random() < 0.4,
    )


def _rows(
    chance: random.Random, names: Sequence[str], pool: Sequence[str], absent: str, standing: Sequence[str]
) -> list[Row]:
    """`standing`: what may stand in the target already, and so be deleted."""
    fates = {
        name: chance.choices(["kept", "bad", "gone"], [30, 1, 2 * (name in standing)])[0] for name in names
    }
    linked = [one for one in (names if absent == "delete" else pool) if fates.get(one) != "gone"]
    return [_row(chance, name, fates[name], linked) for name in names]


def _row(chance: random.Random, name: str, fate: str, linked: Sequence[str]) -> Row:
    return Row(
        name,
        chance.choice(["One", "Two"]),
        _some(chance, SUBJECTS, 2),
        _some(chance, SUBJECTS, 1),
        _some(chance, [f"http://x/{one}" for one in SUBJECTS], 1),
        chance.choice(["", "long", "longer"]),
        _some(chance, linked, 2) if chance.random() < 0.4 else (),
        fate,
    )


def _some(chance: random.Random, words: Sequence[str], most: int) -> tuple[str, ...]:
    return tuple(chance.sample(words, min(chance.randint(0, most), len(words))))


def _next(chance: random.Random, standing: Order, pool: Sequence[str]) -> Order:
    """The collection some time later: some records changed, some are gone, some are new."""
    absent = chance.choice(["keep", "keep", "delete", "unpublish"])
    kept = [row.name for row in standing.rows if chance.random() < 0.9]
    there = {row.name for row in standing.rows}
    new = [name for name in pool if name not in there and chance.random() < 0.3]
    drawn = _rows(chance, kept + new, pool, absent, standing=kept)
    linked = {row.name for row in drawn if row.fate != "gone"}
    earlier = {row.name: row for row in standing.rows}
    rows = []
    for row in drawn:
        old = earlier.get(row.name)
        same = old is not None and old.fate == "kept" and row.fate == "kept" and set(old.see) <= linked
        rows.append(old if old is not None and same and chance.random() < 0.4 else row)
    return _order(chance, rows, absent)


def _edit(chance: random.Random, pool: Sequence[str]) -> Edit:
    deed = chance.choice(["add", "add", "change", "remove", "private", "hide", "sets"])
    return Edit(chance.choice(list(pool)), deed, chance.choice([*UNNAMED, "dcterms:subject"]), "mine")


# --- what goes wrong -------------------------------------------------------------------------------


def _step(chance: random.Random, order: Order | None, records: int) -> Step:
    strikes = [_strike(chance, records) for _ in range(chance.choice([1, 1, 2, 3]))]
    cancel = Strike(chance.randint(8, 2 * records + 16), "cancel", 0.0)
    edited = any(one.what == "edit while nobody works" for one in strikes)
    if order is None:
        strikes = [one for one in strikes if one.what != "edit while nobody works"]
    if chance.random() < 0.3 and not edited:
        strikes.append(cancel)
    spoils = [_spoil(chance) for _ in range(chance.choice([0, 1, 2, 3]))]
    # A plan that somebody's edit has made stale is refused, as it should be.
    exactly = chance.random() < 0.2 and order is not None and not edited
    return Step(
        order,
        tuple(sorted(strikes, key=lambda one: one.after)),
        tuple(spoils),
        exactly=exactly,
        twice=chance.random() < 0.2 and order is not None and not exactly,
        after_cancel=chance.choice(["again", "again", "undo"]) if order is not None else "again",
        at_once=chance.random() < 0.5,
    )


def _of_two(step: Step, second: Order) -> Step:
    """Two batches at a time. Who steers one of them lets the other go first: then nobody knows the order."""
    kept = [one for one in step.strikes if one.what not in (*STEERING, "edit while nobody works")]
    return replace(step, strikes=tuple(kept), beside=second, exactly=False, twice=False)


def _strike(chance: random.Random, records: int) -> Strike:
    what = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    # Some requests come before the first write, and some after the last.
    return Strike(chance.randint(1, records + 8), what, round(chance.uniform(0.0, 1.5), 2))


def _spoil(chance: random.Random) -> Spoil:
    kind = chance.choices(list(_FAULTS), list(_FAULTS.values()))[0]
    status, headers, body = chance.choice(_ANSWERS)
    # As long as the last look for a lost write, by the settings of a round, and longer than its time limit.
    seconds = round(chance.uniform(0.05, 1.0), 2) if kind in ("delay", "hold") else 0.0
    return Spoil(
        kind,
        chance.choice([0.05, 0.1, 0.3]),
        chance.choice([1, 3, 10]),
        chance.choice([None, None, "POST", "PATCH", "DELETE"]),
        status if kind == "answer" else 500,
        tuple(headers.items()) if kind == "answer" else (),
        body,
        seconds,
    )
