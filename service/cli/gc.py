"""`accession gc`: remove what is kept no longer, or only say what that is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from msgspec import Struct

from service.cli.run import migrated
from service.settings import load_settings
from service.store.blobs import DiskBlobs
from service.store.garbage import SETTINGS, Kind, Line, collect
from service.store.retention import retention_of, shown_days

WORDS: dict[Kind, tuple[str, str]] = {
    "abandoned": ("batch that was never run", "batches that were never run"),
    "batches": ("batch of which nothing is to be undone", "batches of which nothing is to be undone"),
    "reports": ("report of a batch that can still be undone", "reports of batches that can still be undone"),
    "undo": ("batch that can be undone no longer", "batches that can be undone no longer"),
    "dry-runs": ("plan of a dry run", "plans of dry runs"),
    "left-over": ("batch whose removal was begun before", "batches whose removal was begun before"),
    "workings": ("run's links, settled since", "runs' links, settled since"),
    "checks": ("answer of a check", "answers of checks"),
    "files": ("file of batches that are done with", "files of batches that are done with"),
    "uploads": ("file that no batch uses", "files that no batch uses"),
    "parts": ("upload that was begun and not ended", "uploads that were begun and not ended"),
    "unknown-files": ("file that the database does not know", "files that the database does not know"),
}


class Removed(Struct, frozen=True):
    """What `--json` prints."""

    dry_run: bool
    lines: Sequence[Line]


def add_to(app: typer.Typer) -> None:
    app.command()(gc)


def gc(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed; remove nothing.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
    unknown_files: Annotated[
        bool,
        typer.Option(
            "--unknown-files",
            help="Also files in the store that the database does not know. Never after restoring a backup "
            "of the database that is older than the files.",
        ),
    ] = False,
) -> None:
    """Remove what is kept no longer (ACCESSION_RETENTION_…); the workers do the same once a day.

    Never what a batch that can be undone needs. Runs beside a living installation.
    """
    settings = load_settings()
    blobs = DiskBlobs(settings.blobs)
    with migrated(settings) as db:
        lines = collect(db, blobs, retention_of(settings), dry_run=dry_run, unknown_files=unknown_files)
    if json:
        typer.echo(msgspec.json.encode(Removed(dry_run, lines)).decode())
        return
    typer.echo(told(lines, dry_run=dry_run), nl=False)


def told(lines: Sequence[Line], *, dry_run: bool) -> str:
    """For a person: a line a kind, and a sum."""
    verb = "Would be removed" if dry_run else "Removed"
    if not lines:
        return f"{verb}: nothing.\n"
    text = [f"{verb}:\n", *map(_line, lines)]
    text.append(f"{shown_bytes(sum(line.bytes for line in lines))} in all.\n")
    return "".join(text)


def _line(line: Line) -> str:
    one, several = WORDS[line.kind]
    rows = f", {line.rows:,} {'row' if line.rows == 1 else 'rows'}" if line.rows else ""
    why = ""
    if line.kind in SETTINGS:
        why = f" (ACCESSION_RETENTION_{SETTINGS[line.kind].upper()}: {shown_days(line.days)})"
    what = one if line.n == 1 else several
    return f"  {line.n:,} {what}{rows}, {shown_bytes(line.bytes)}{why}\n"


def shown_bytes(n: int) -> str:
    """`999 bytes`, `1.2 MB`."""
    if n < 1000:
        return "1 byte" if n == 1 else f"{n} bytes"
    size = float(n)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 1000:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:.1f} TB"
