"""`accession check` and `accession control new`: a control file before anything is imported."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.client import KeyFile, Url, connect
from service.cli.errors import CommandError, ExitCode, say
from service.cli.imports import name_and_path
from service.settings import load_settings


def add_to(app: typer.Typer) -> None:
    app.command()(check)
    control = typer.Typer(no_args_is_help=True, help="Control files.", rich_markup_mode=None)
    # A command of a group stays one, also while it is the only one.
    control.callback()(lambda: None)
    control.command()(new)
    app.add_typer(control, name="control")


def check(
    control: Annotated[Path, typer.Argument(help="The control file.")],
    data: Annotated[
        list[str] | None,
        typer.Option("--data", metavar="NAME=PATH", help="A data file by its name in the control file."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="The target; else the control file's, else the default.")
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=0, max=1000, help="So many rows of each file are run (100).")
    ] = None,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Tell everything that is wrong with a control file, and what the first rows of data become.

    Nothing is written. Exit code 0: nothing is wrong; 1: there are problems.
    """
    files = [name_and_path("--data", word) for word in data or ()]
    for path in (control, *(path for _, path in files)):
        if not path.is_file():
            raise CommandError(f"{path} is not a file.")
    with connect(load_settings(), url, key_file) as api:
        found = api.check_control(control, files, target, rows)
    typer.echo(found, nl=False)
    if found.split("\n", 1)[0] != "OK":
        raise typer.Exit(ExitCode.FAILED)


def new(
    data: Annotated[Path | None, typer.Option(help="A data file to start from.")] = None,
    target: Annotated[str | None, typer.Option(help="The target to map to; else the default.")] = None,
    template: Annotated[
        str | None, typer.Option(metavar="LABEL", help="A resource template of the target to start from.")
    ] = None,
    reader: Annotated[
        str | None, typer.Option(help="The reader for the data (csv, json …), if it is guessed wrongly.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write it; a file that exists is kept.")
    ] = None,
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Make a control file to start from. What it is not sure of is a TODO, which a check refuses."""
    if data is not None and not data.is_file():
        raise CommandError(f"{data} is not a file.")
    if output is not None and output.exists():
        raise _kept(output)
    with connect(load_settings(), url, key_file) as api:
        made = api.new_control(data, target=target, template=template, reader=reader)
    for note in made.notes:
        say(note)
    if output is None:
        typer.echo(made.text, nl=not made.text.endswith("\n"))
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(made.text)
    except FileExistsError:
        raise _kept(output) from None
    say(f"Written to {output}. Decide every TODO in it, then: accession check {output}")


def _kept(output: Path) -> CommandError:
    return CommandError(f"{output} exists and is kept. Write to another file, or move it away.")
