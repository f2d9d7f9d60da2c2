"""`accession plan`: what a run means to do, on a terminal in colour and a page at a time."""

from __future__ import annotations

import codecs
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, islice
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

from service.cli.client import KeyFile, Url, connect
from service.cli.errors import CommandError
from service.settings import load_settings

Details = Literal["none", "short", "full"]

_STYLES = {
    "+": "green",
    "~": "yellow",
    "-": "red",
    "!": "bold red",
    "=": "dim",
    ".": "dim",
}
"""How a line of the plan looks, by the sign that it begins with."""
_NARROWEST, _WIDEST = 40, 1000
"""Widths that the service takes."""
_PAGER_SETTINGS = {"LESS": "FRX", "LV": "-c"}
"""As git has them, unless the user has others: `less` ends at once when all fits on the screen, lets colours
through and leaves standing what it showed."""
_DIFFERENCE = re.compile(r" {6}([+-]) | {4}[^ ]+: ([+-]) ")


def add_to(app: typer.Typer) -> None:
    app.command()(plan)


def plan(
    batch: Annotated[str, typer.Argument(help="The batch's identifier.")],
    run: Annotated[
        str | None, typer.Option(help="The plan of this run; else of the newest that has one.")
    ] = None,
    details: Annotated[
        Details, typer.Option(help="none: only the summary; short; full: every value of every record.")
    ] = "short",
    action: Annotated[
        list[str] | None,
        typer.Option(help="Only create, update, delete, unchanged, skip or reject; may repeat."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON, an object a resource.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV, a row a property.")] = False,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Print what the last dry run found: counts, what the changes have in common, then each record.

    On a terminal a long plan is shown in PAGER (less if not set; PAGER=cat for none).
    """
    if json and csv:
        raise CommandError("--json and --csv: choose one of them.")
    parameters: dict[str, str | list[str]] = {"action": list(action or ())}
    if run is not None:
        parameters["run"] = run
    with connect(load_settings(), url, key_file) as api:
        path = f"batch/{batch}/plan"
        if json or csv:
            for piece in api.stream(path, parameters, "application/json" if json else "text/csv"):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            return
        parameters["details"] = details
        console = Console(highlight=False, markup=False, emoji=False)
        if console.is_terminal:
            parameters["width"] = str(min(max(console.width, _NARROWEST), _WIDEST))
        _show(lines(api.stream(path, parameters)), console)


def lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """The lines of a text that comes in pieces, without their ends."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for piece in pieces:
        # Not `splitlines`: only the service's own line ends count.
        *whole, rest = (rest + decoder.decode(piece)).split("\n")
        yield from whole
    if rest:
        yield rest


def style_of(line: str) -> str:
    """Of a line of the plan: records by their action, differences by what comes and goes, titles bold."""
    if not line.startswith(" "):
        return _STYLES.get(line[:1], "bold") if line[1:2] == " " else "bold"
    if line.startswith("    ! "):
        return "magenta"
    found = _DIFFERENCE.match(line)
    return _STYLES[found[1] or found[2]] if found else ""


def _show(found: Iterator[str], console: Console) -> None:
    if not console.is_terminal:
        for line in found:
            typer.echo(line)
        return
    # What the service refuses is told before a pager has the screen.
    first = list(islice(found, 1))
    with _paged(console) as page:
        for line in chain(first, found):
            page.print(Text(line, style_of(line)), soft_wrap=True)


@contextmanager
def _paged(console: Console) -> Iterator[Console]:
    """A console that writes into the pager; the same one where there is none."""
    command = shlex.split(os.environ.get("PAGER", "less"))
    if not sys.stdout.isatty() or command in ([], ["cat"]) or shutil.which(command[0]) is None:
        yield console
        return
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, text=True, encoding="utf-8", env={**_PAGER_SETTINGS, **os.environ}
    )
    assert process.stdin is not None
    try:
        with suppress(BrokenPipeError):
            yield _Page(
                file=process.stdin,
                width=console.width,
                force_terminal=True,
                highlight=False,
                markup=False,
                emoji=False,
            )
    finally:
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()


class _Page(Console):
    def on_broken_pipe(self) -> None:
        """A reader who has seen enough closes the pager before the end, which is no failure."""
        raise BrokenPipeError
