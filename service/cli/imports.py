"""`accession import` and what one does with a batch afterwards: the four steps from a shell."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TransferSpeedColumn

from service.cli.client import Api, Asked, BatchStatus, KeyFile, Url, connect
from service.cli.client import Progress as Told
from service.cli.errors import CommandError, ExitCode, say
from service.settings import load_settings

Batch = Annotated[str, typer.Argument(help="The batch's identifier.")]
ReportFormat = Literal["csv", "ndjson"]
_COUNTS = (
    "read",
    "planned",
    "created",
    "updated",
    "deleted",
    "unpublished",
    "unchanged",
    "skipped",
    "rejected",
    "failed",
    "uncertain",
    "altered",
    "undone",
)
Mode = Literal["import", "dry-run", "retry"]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="CHOICE",
        help="Only these records: row:12-40, identifier:X, action:A, outcome:O, file:only/NAME. May repeat.",
    ),
]
Limit = Annotated[int | None, typer.Option("--limit", min=1, help="Only the first N of the records.")]
Files = Annotated[
    list[str] | None,
    typer.Option("--file", metavar="NAME=PATH", help="An input file by its name in the control file."),
]
Lists = Annotated[
    list[str] | None,
    typer.Option("--file", metavar="only/NAME=PATH", help="A list of identifiers for --only file:…"),
]
_WAIT = 2.0
"""Seconds that one question after a batch's state waits for its end."""


def add_to(app: typer.Typer) -> None:
    app.command(name="import")(import_)
    app.command()(schedule)
    app.command()(undo)
    app.command()(status)
    app.command()(log)
    app.command()(report)
    app.command()(failed)
    app.command()(cancel)
    app.command()(pause)
    app.command()(resume)


def import_(
    control: Annotated[Path, typer.Argument(help="The control file.")],
    file: Files = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; write nothing.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until it has ended, and say how.")] = False,
    target: Annotated[
        str | None, typer.Option(help="The target; else the control file's, else the default.")
    ] = None,
    comment: Annotated[str | None, typer.Option(help="What this is, for the list of batches.")] = None,
    corrects: Annotated[
        str | None, typer.Option(metavar="BATCH", help="The batch whose failed records this brings again.")
    ] = None,
    only: Only = None,
    limit: Limit = None,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Upload a control file and its data, and schedule the import. Prints the batch's identifier."""
    files = _files(file, control)
    with connect(load_settings(), url, key_file) as api:
        digest = api.upload_control(control, comment, target)
        batch = api.create_batch(digest, comment, target, corrects)
        typer.echo(batch)
        _upload(api, batch, files)
        api.schedule(batch, Asked("dry-run" if dry_run else "import", only or (), limit))
        _scheduled(api, batch, wait=wait)


def _files(words: Sequence[str] | None, *others: Path) -> list[tuple[str, Path]]:
    """Raises `CommandError` unless each is NAME=PATH, and all of them and of the others are files."""
    files = [name_and_path("--file", word) for word in words or ()]
    for path in (*others, *(path for _, path in files)):
        if not path.is_file():
            raise CommandError(f"{path} is not a file.")
    return files


def _upload(api: Api, batch: str, files: Sequence[tuple[str, Path]]) -> None:
    for name, path in files:
        with _upload_shown(name, path) as told:
            api.upload_file(batch, name, path, told)


def name_and_path(option: str, word: str) -> tuple[str, Path]:
    """NAME=PATH, as an option has it. Raises `CommandError`."""
    name, separator, path = word.partition("=")
    if not (separator and name and path):
        raise CommandError(f"{option} {word}: write it as NAME=PATH, for example data0=artworks.json.")
    return name, Path(path)


def schedule(
    batch: Batch,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; write nothing.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until it has ended, and say how.")] = False,
    mode: Annotated[
        Mode | None, typer.Option(help="import (default), dry-run, or retry: what was not written, again.")
    ] = None,
    only: Only = None,
    limit: Limit = None,
    plan: Annotated[
        str | None, typer.Option(metavar="RUN", help="Import exactly the plan of this dry run, or nothing.")
    ] = None,
    max_removals: Annotated[
        str | None, typer.Option(metavar="N|N%", help="How many resources may be removed, this once.")
    ] = None,
    max_errors: Annotated[
        str | None, typer.Option(metavar="N|N%", help="How many records may be rejected, this once.")
    ] = None,
    file: Lists = None,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Schedule a batch that was uploaded before, for example after its dry run."""
    if dry_run and mode not in (None, "dry-run"):
        raise CommandError(f"--dry-run and --mode {mode} say different things; give one.")
    files = _files(file)
    with connect(load_settings(), url, key_file) as api:
        _upload(api, batch, files)
        asked = Asked(
            "dry-run" if dry_run else mode or "import",
            only or (),
            limit,
            plan=plan,
            max_removals=max_removals,
            max_errors=max_errors,
        )
        api.schedule(batch, asked)
        _scheduled(api, batch, wait=wait)


def undo(
    batch: Batch,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be taken back; do nothing.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until it has ended, and say how.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also what somebody or a later batch changed since.")
    ] = False,
    only: Only = None,
    limit: Limit = None,
    file: Lists = None,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Take back what a batch did: what it created goes, what it changed or deleted comes back."""
    files = _files(file)
    with connect(load_settings(), url, key_file) as api:
        _upload(api, batch, files)
        api.schedule(batch, Asked("undo", only or (), limit, force=force, preview=dry_run))
        _scheduled(api, batch, wait=wait)


def _scheduled(api: Api, batch: str, *, wait: bool) -> None:
    if not wait:
        say(f"Scheduled. See `accession status {batch}`.")
        return
    ended = _wait_until_ended(api, batch)
    say(ended.text.rstrip())
    if not ended.ended_well:
        raise CommandError(
            f"The batch ended as {ended.state}. See `accession log {batch}`.", ExitCode.ENDED_BADLY
        )


def status(
    batch: Batch,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until no run is active.")] = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Show the state and the counts of a batch."""
    with connect(load_settings(), url, key_file) as api:
        found = _wait_until_ended(api, batch) if wait else api.status(batch)
    typer.echo(found.text.rstrip())
    if wait and not found.ended_well and found.state != "uploading":
        raise typer.Exit(ExitCode.ENDED_BADLY)


def log(
    batch: Batch,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    level: Annotated[str | None, typer.Option(help="Only lines of this level or above.")] = None,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Print the log of a batch."""
    parameters = {"follow": "true"} if follow else {}
    if level:
        parameters["level"] = level
    _copy(f"batch/{batch}/log", parameters, "text/plain", url, key_file)


def report(
    batch: Batch,
    format_: Annotated[ReportFormat, typer.Option("--format", help="csv or ndjson.")] = "csv",
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Print the report of a batch: one row a record."""
    _copy(
        f"batch/{batch}/report", {}, "text/csv" if format_ == "csv" else "application/x-ndjson", url, key_file
    )


def failed(
    batch: Batch,
    file: Annotated[str | None, typer.Option("--file", metavar="NAME", help="Of which input file.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write them there, not to standard output.")
    ] = None,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Give back the records that were not written, as they came: correct them, and import them again."""
    parameters = {"file": file} if file else {}
    if output is None:
        _copy(f"batch/{batch}/failed", parameters, "application/octet-stream", url, key_file)
        return
    with connect(load_settings(), url, key_file) as api:
        pieces = api.stream(f"batch/{batch}/failed", parameters, "application/octet-stream")
        first = next(pieces, b"")  # what is refused leaves an older file as it is
        with output.open("wb") as stream:
            stream.write(first)
            stream.writelines(pieces)
    say(f"Correct {output}, then: accession import CONTROL --file NAME={output} --corrects {batch}")


def cancel(batch: Batch, url: Url = None, key_file: KeyFile = None) -> None:
    """Stop the active run of a batch. What was written stays and can be gone on with or undone."""
    with connect(load_settings(), url, key_file) as api:
        typer.echo(api.steer(batch, "cancel"))


def pause(batch: Batch, url: Url = None, key_file: KeyFile = None) -> None:
    """Let the active run of a batch rest until `accession resume`. What was written stays."""
    with connect(load_settings(), url, key_file) as api:
        typer.echo(api.steer(batch, "pause"))


def resume(batch: Batch, url: Url = None, key_file: KeyFile = None) -> None:
    """Let the paused run of a batch go on where it stood."""
    with connect(load_settings(), url, key_file) as api:
        typer.echo(api.steer(batch, "resume"))


def _copy(path: str, parameters: dict[str, str], accept: str, url: str | None, key_file: Path | None) -> None:
    with connect(load_settings(), url, key_file) as api:
        for piece in api.stream(path, parameters, accept):
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()


def _wait_until_ended(api: Api, batch: str) -> BatchStatus:
    with _state_shown() as show:
        while True:
            found = api.status(batch, wait=_WAIT)
            show(found)
            if not found.active:
                return found


@contextmanager
def _upload_shown(name: str, path: Path) -> Iterator[Told]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task(f"{name} ({path.name})", total=path.stat().st_size)
        yield lambda sent: progress.advance(task, sent)


@contextmanager
def _state_shown() -> Iterator[_Show]:
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        yield _Show(progress)


class _Show:
    """The state while one waits: a moving line on a terminal, else a line when the state changes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("asking …", total=None)
        self._last = ""
        self._began = time.monotonic()

    def __call__(self, found: BatchStatus) -> None:
        if self._progress.disable:
            if found.state != self._last and found.active:
                say(found.state)
            self._last = found.state
            return
        seconds = time.monotonic() - self._began
        self._progress.update(self._task, description=f"{describe(found)} · {seconds:.0f} s")


def describe(found: BatchStatus, names: Sequence[str] = _COUNTS) -> str:
    """The state and the counts that are not nought, on one line."""
    counts = [f"{name} {found.lines[name]}" for name in names if _is_positive(found.lines.get(name, ""))]
    return " · ".join((found.state, *counts))


def _is_positive(text: str) -> bool:
    return text.isdecimal() and int(text) > 0
