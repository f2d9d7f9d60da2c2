"""What the report of a run shows: records, groups of what is said of them, what can be chosen. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from service.admin.advice import advice
from service.admin.instructions import Instruction
from service.admin.words import ACTIONS, OUTCOMES, Tone, action_tone, action_word, outcome_tone, outcome_word
from service.api.report import address
from service.settings import TargetSettings
from service.store.report_groups import ReportGroup
from service.store.run_reports import Reported, RowFilter
from service.store.runs import RunFacts
from service.store.said import Said, Weight

MOST_MESSAGE = 240
"""Characters of a message in a table."""
MOST_NAME = 100
NOTHING_YET = "none"
_TO = "to-"


class Lot(Struct, frozen=True):
    """Records of a run that have something in common, as they can be chosen. `value`: in the address."""

    value: str
    n: int
    tone: Tone
    words: str


class RowView(Struct, frozen=True):
    """A row of the table: a resource of a record. `more`: how many further things are said of it."""

    entry: Reported
    tone: Tone
    outcome: str
    message: str
    value: str
    more: int
    url: str | None
    name: str
    """What the record is called: its identifier, else where it stands."""


class GroupView(Struct, frozen=True):
    """A group, with the instruction that met it and what to do. `message`: without the value of the first."""

    group: ReportGroup
    message: str
    instruction: Instruction | None
    advice: str


def only_planned(run: RunFacts) -> bool:
    """Whether the run shows what would be done, and does nothing."""
    return run.mode == "dry-run" or run.options.dry_run


def lots(run: RunFacts) -> list[Lot]:
    """Into what the records of a run fall, by its counts."""
    counts = run.counts
    if only_planned(run):
        outcomes = {"unchanged": "unchanged", "skip": "skipped", "reject": "rejected"}
        return [
            Lot(outcomes.get(name, f"{_TO}{name}"), n, tone, words)
            for name, (words, tone) in ACTIONS.items()
            if (n := counts.get(f"action:{name}", 0)) > 0
        ]
    found = [
        Lot(name, n, tone, words)
        for name, (words, tone, _) in OUTCOMES.items()
        if name != NOTHING_YET and (n := counts.get(name, 0)) > 0
    ]
    left = counts.get("planned", 0) - sum(one.n for one in found)
    if left > 0:
        words = "still to come" if run.ended_at is None else OUTCOMES[NOTHING_YET][0]
        found.append(Lot(NOTHING_YET, left, "quiet", words))
    return found


def filter_of(value: str) -> RowFilter | None:
    """What the value of a lot chooses; None for what is none."""
    if value == NOTHING_YET:
        return RowFilter(open=True)
    if value in OUTCOMES:
        return RowFilter(outcome=value)  # type: ignore[arg-type] # it is one of them
    if value.startswith(_TO) and value.removeprefix(_TO) in ACTIONS:
        return RowFilter(to=value.removeprefix(_TO))  # type: ignore[arg-type] # the same
    return None


def weight_of(value: str) -> Weight | None:
    """Which groups belong to a lot."""
    match value:
        case "rejected" | "failed" | "uncertain" | "altered":
            return value
        case _:
            return None


def rows(
    entries: Iterable[Reported], target: TargetSettings | None, group: ReportGroup | None = None
) -> list[RowView]:
    return [_row(one, target, group) for one in entries]


def _row(entry: Reported, target: TargetSettings | None, group: ReportGroup | None) -> RowView:
    said = entry.said
    shown = next((one for one in said if group is not None and one.group == group.id), None)
    if shown is None and group is not None:  # what was noticed before has made room for what came of it
        shown = Said(group.weight, group.code, group.message)
    if shown is None:
        shown = next((one for one in said if one.weight != "note"), next(iter(said), None))
    tone, words = outcome_of(entry)
    return RowView(
        entry,
        tone,
        words,
        cut(shown.message, MOST_MESSAGE) if shown else "",
        cut(shown.value, MOST_NAME) if shown and shown.value not in shown.message else "",
        max(0, len(said) - 1),
        url_of(entry, target),
        name_of(entry),
    )


def url_of(entry: Reported, target: TargetSettings | None) -> str | None:
    """Where its resource is looked at in the target; None where it is there no longer."""
    gone = entry.outcome == "deleted" or (entry.outcome == "undone" and entry.action == "delete")
    return None if gone else address(target, entry.kind, entry.number)


def outcome_of(entry: Reported) -> tuple[Tone, str]:
    """How what became of it is coloured and called; while nothing did, what is to become of it."""
    if entry.outcome is not None:
        return outcome_tone(entry.outcome), outcome_word(entry.outcome)
    return action_tone(entry.action), action_word(entry.action)


def name_of(entry: Reported) -> str:
    if entry.identifier:
        return cut(entry.identifier, MOST_NAME)
    if entry.file:
        return f"row {entry.row}"
    return f"{entry.kind} {entry.number}" if entry.number is not None else "without a name"


def groups(found: Sequence[ReportGroup], instructions: Mapping[str, Instruction]) -> list[GroupView]:
    """As they come, but what only follows from others last."""
    views = [
        GroupView(one, _of_all(one), instructions.get(one.pointer), advice(one.code, one.weight))
        for one in found
    ]
    return sorted(views, key=lambda one: one.group.code in ("record-refused", "item-refused"))


def _of_all(group: ReportGroup) -> str:
    """What is said of all: the value of the first stands beside it."""
    return group.message if group.alike else group.message.replace(f"“{group.value}”", "“…”")


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
