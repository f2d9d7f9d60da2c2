"""What a service wants to know of a control file without looking into it."""

from __future__ import annotations

from dataclasses import dataclass

from service.control.model import Control, Delete, Load, New, SiteReader
from service.control.walk import parts


@dataclass(frozen=True, slots=True)
class Summary:
    """`destinations`: labels that are made or loaded, in the order of first use."""

    destinations: tuple[str, ...]
    unmatched: tuple[str, ...]
    """Labels of which resources would be made again by a second run, since nothing knows them again."""
    deletes: bool
    """Uses `delete`, or removes what is absent."""
    removes: bool
    """Unpublishes or deletes what no record mentions."""
    needs_dry_run: bool
    """An import must follow a dry run of the same digests."""
    needs_files: bool
    """False when all records come from configured sources."""

    @property
    def repeatable(self) -> bool:
        """Running it twice creates nothing twice: every destination has a match."""
        return not self.unmatched


def summary(control: Control) -> Summary:
    every = list(parts(control))
    made = [part.destination.label for part in every if isinstance(part, (New, Load))]
    new = [part for part in every if isinstance(part, New)]
    unmatched = [part.destination.label for part in new if part.match is None]
    items = [part for part in new if part.destination.kind == "item"]
    if items and all(part.match is not None for part in items):
        # Media are written with their item, and counted with it: an item that is known again brings
        # none of them a second time.
        unmatched = [label for label in unmatched if not label.startswith("media")]
    absent = {control.media_absent, *(match.absent for match in control.match.values())}
    deletes = "delete" in absent or any(isinstance(part, Delete) for part in every)
    return Summary(
        destinations=tuple(dict.fromkeys(made)),
        unmatched=tuple(dict.fromkeys(unmatched)),
        deletes=deletes,
        removes=bool(absent - {"keep"}),
        needs_dry_run=deletes,
        needs_files=not all(isinstance(file.reader, SiteReader) for file in control.files),
    )
