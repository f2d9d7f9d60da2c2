"""How the pages say things: in the words of an archivist, not of the program. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from service.api.lines import one_line

Tone = Literal["quiet", "busy", "good", "warn", "bad"]

STATES: Mapping[str, tuple[str, Tone, str]] = {
    "uploading": ("Taking files", "quiet", "It takes files, and was not run yet."),
    "scheduled": ("Waiting to start", "busy", "A worker takes it as soon as one is free."),
    "running": ("Running", "busy", "A worker carries it out."),
    "waiting": ("Waiting", "warn", "It goes on by itself when what it waits for is over."),
    "paused": ("Paused", "warn", "Somebody paused it; it goes on when it is resumed."),
    "interrupted": ("Interrupted", "warn", "Its worker went away; another one takes it over by itself."),
    "dry-run": ("Dry run done", "quiet", "It was shown what would change; nothing was written."),
    "complete": ("Complete", "good", "Every record is as it was meant to be."),
    "complete-with-errors": ("Complete, with errors", "warn", "It came to its end, but some records failed."),
    "failed": ("Stopped", "bad", "It stopped before its end."),
    "cancelled": ("Cancelled", "quiet", "Somebody ended it early; what was written stands."),
    "undone": ("Undone", "quiet", "What it had written was taken back."),
}
"""State → what it is called, how it is coloured, what it means."""

MODES: Mapping[str, str] = {
    "import": "Import",
    "dry-run": "Dry run",
    "retry": "Retry of what failed",
    "undo": "Undo",
}

OUTCOMES: Mapping[str, tuple[str, Tone, str]] = {
    "created": ("created", "good", "New in Omeka."),
    "updated": ("updated", "good", "It stood in Omeka, and was changed as the record says."),
    "unchanged": ("unchanged", "quiet", "It stood in Omeka as the record says; nothing was sent."),
    "skipped": ("skipped", "quiet", "Left out by a rule of the control file."),
    "deleted": ("deleted", "warn", "Taken out of Omeka."),
    "unpublished": ("unpublished", "warn", "Still in Omeka, but no longer public."),
    "undone": ("taken back", "good", "As it was before the import."),
    "altered": ("altered", "bad", "Omeka saved something else than was meant: look at it."),
    "rejected": (
        "rejected",
        "bad",
        "Nothing was written: the record has an error, or was edited in Omeka.",
    ),
    "failed": ("failed", "bad", "Nothing was written: Omeka refused it."),
    "uncertain": ("uncertain", "bad", "Nobody can tell whether Omeka took it: look there."),
    "none": ("not carried out", "quiet", "The run ended before it came to this record."),
}
"""What became of a record → how it is said, how it is coloured, what it means."""

ACTIONS: Mapping[str, tuple[str, Tone]] = {
    "update": ("to update", "good"),
    "create": ("to create", "good"),
    "delete": ("to delete", "warn"),
    "unpublish": ("to unpublish", "warn"),
    "unchanged": ("unchanged", "quiet"),
    "skip": ("skipped", "quiet"),
    "reject": ("rejected", "bad"),
}
"""What a plan means to do with a record → how it is said, how it is coloured."""

KINDS: Mapping[str, tuple[str, str]] = {
    "item": ("item", "items"),
    "item-set": ("item set", "item sets"),
    "media": ("media", "media"),
    "asset": ("asset", "assets"),
    "vocabulary": ("vocabulary", "vocabularies"),
    "resource-template": ("resource template", "resource templates"),
    "user": ("user", "users"),
    "site": ("site", "sites"),
    "site-page": ("site page", "site pages"),
    "element-set": ("element set", "element sets"),
    "item-type": ("item type", "item types"),
}
LEVELS: Mapping[str, str] = {
    "debug": "everything",
    "info": "what happened",
    "warning": "warnings and errors",
    "error": "errors only",
}


def state_word(state: str) -> str:
    return STATES[state][0] if state in STATES else state


def mode_word(mode: str) -> str:
    return MODES.get(mode, mode)


def state_tone(state: str) -> Tone:
    return STATES[state][1] if state in STATES else "quiet"


def state_meaning(state: str) -> str:
    return STATES[state][2] if state in STATES else ""


def outcome_word(outcome: str) -> str:
    return OUTCOMES[outcome][0] if outcome in OUTCOMES else outcome


def outcome_tone(outcome: str) -> Tone:
    return OUTCOMES[outcome][1] if outcome in OUTCOMES else "quiet"


def action_word(action: str) -> str:
    return ACTIONS[action][0] if action in ACTIONS else action


def action_tone(action: str) -> Tone:
    return ACTIONS[action][1] if action in ACTIONS else "quiet"


def outcome_meaning(outcome: str) -> str:
    return OUTCOMES[outcome][2] if outcome in OUTCOMES else ""


Part = tuple[int, Tone, str]
"""A part of a bar: how many, how it is coloured, what they are."""


def outcome_parts(counts: Mapping[str, int]) -> list[Part]:
    """How many records have each outcome, as parts of a bar."""
    return [(n, tone, word) for name, (word, tone, _) in OUTCOMES.items() if (n := counts.get(name, 0))]


def plan_parts(counts: Mapping[str, int]) -> list[Part]:
    """What a plan holds, as parts of a bar."""
    return [
        (n, tone, word) for name, (word, tone) in ACTIONS.items() if (n := counts.get(f"action:{name}", 0))
    ]


def kind_word(destination: str, n: int = 1) -> str:
    """`item`, `items`, `item (artist)`; of a destination such as `item:artist`."""
    kind, _, label = destination.partition(":")
    one, many = KINDS.get(kind, (kind, kind))
    return (one if n == 1 else many) + (f" ({label})" if label else "")


def number(n: int | None) -> str:
    """`70,000`"""
    return "" if n is None else f"{n:,}"


def plural(n: int, one: str, many: str = "") -> str:
    """`1 record`, `70,000 records`"""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def size(n: int) -> str:
    """`812 bytes`, `12.3 MB` (of a million bytes)."""
    if n < 1000:
        return plural(n, "byte")
    power = min(int(math.log10(n)) // 3, 4)
    return f"{n / 1000**power:.1f} {('', 'kB', 'MB', 'GB', 'TB')[power]}"


def when(ms: int | None) -> str:
    """`30 Nov 2026, 04:10`, in UTC."""
    if ms is None:
        return ""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def duration(ms: int | None) -> str:
    """`0.4 s`, `12 s`, `3 min 12 s`, `2 h 5 min`, `3 days 4 h`."""
    if ms is None:
        return ""
    seconds = max(0, ms) / 1000
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{plural(whole // 86400, 'day')} {whole % 86400 // 3600} h"


def visible(text: str) -> str:
    """As `one_line`, but keeping the line breaks of a message."""
    return "\n".join(one_line(line) for line in text.splitlines())


FILTERS = {
    "state_word": state_word,
    "mode_word": mode_word,
    "state_tone": state_tone,
    "state_meaning": state_meaning,
    "outcome_word": outcome_word,
    "outcome_tone": outcome_tone,
    "outcome_meaning": outcome_meaning,
    "action_word": action_word,
    "action_tone": action_tone,
    "kind_word": kind_word,
    "number": number,
    "size": size,
    "when": when,
    "duration": duration,
    "visible": visible,
    "one_line": one_line,
}
