"""`accession …`: everything that one does from a shell."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli import check, gc, imports, keys, plan, run, targets
from service.cli.errors import Group
from service.settings import VERSION

app = typer.Typer(
    name="accession",
    cls=Group,
    help="Batch imports into Omeka: preview every change, apply it exactly once.",
    epilog="Exit codes: 0 done · 1 could not be done · 2 wrong usage · 3 wrong settings · "
    "4 the service cannot be reached · 5 the import ended, but not well.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"accession {VERSION}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


run.add_to(app)
keys.add_to(app)
targets.add_to(app)
imports.add_to(app)
plan.add_to(app)
check.add_to(app)
gc.add_to(app)
