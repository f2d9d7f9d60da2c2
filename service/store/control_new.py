"""What a new control file is made of, and what a worker made: arguments and result of `control-new`."""

from __future__ import annotations

from msgspec import Struct

from service.store.control_check import NamedBytes


class NewAsked(Struct, frozen=True):
    """What to start from: a data file, a template of the target, or both. `reader` forces how data are read.

    `target_wanted`: the target was asked for by name, so that one which cannot be asked is a failure;
    else it is done without.
    """

    data: NamedBytes | None = None
    template: str | None = None
    reader: str | None = None
    target_wanted: bool = False


class NewControl(Struct, frozen=True):
    """A control file to go on from, as the text of its JSON document, and what to know about it."""

    control: str
    notes: tuple[str, ...] = ()
