"""What the plan of an undo keeps of each resource beside its earlier state."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from service.store.plans import Entry


class Step(Struct, frozen=True, omit_defaults=True):
    """What `plan_entry.draft` holds for an undo (JSON)."""

    modified: str = ""
    """How the batch left the resource; "" where that is not known."""
    since: str = ""
    """The run in which the batch touched it last."""
    sources: tuple[int, ...] = ()
    """Of what brings links back: the entries that create again what they lead to."""
    media: tuple[int, ...] = ()
    """The media that the batch made with an item that goes."""
    force: bool = False
    numbers: Mapping[int, int] = {}
    """Of what is created again: its links to what an earlier undo put back, old number → number by now."""
    dead: tuple[int, ...] = ()
    """What it linked to and that is there no more: such a value would be refused."""
    content: str = ""
    """Of a media whose place is a number of it: a digest of what else it held when the undo was planned."""


def step_of(entry: Entry) -> Step:
    assert entry.draft is not None, "every entry of an undo has its step"
    return msgspec.json.decode(entry.draft, type=Step)
