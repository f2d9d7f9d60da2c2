"""`accession targets`: the configured Omekas."""

from __future__ import annotations

from typing import Annotated

import typer

from service.cli.client import Api, KeyFile, Url, connect
from service.cli.errors import CommandError, say
from service.settings import Settings, load_settings


def add_to(app: typer.Typer) -> None:
    targets = typer.Typer(no_args_is_help=True, help="The configured Omekas.", rich_markup_mode=None)
    targets.command(name="list")(list_)
    targets.command()(check)
    targets.command()(model)
    app.add_typer(targets, name="targets")


def list_() -> None:
    """List the targets of the settings: name, kind, address; `*` marks the one for batches that name none."""
    settings = load_settings()
    if not settings.targets:
        raise CommandError(
            "No target is configured. Set OMEKA_URL, OMEKA_KEY_IDENTITY and OMEKA_KEY_CREDENTIAL, "
            "or write [targets.NAME] in accession.toml."
        )
    for name, target in sorted(settings.targets.items()):
        mark = "*" if name == settings.only_target else " "
        typer.echo(f"{mark} {name}\t{target.kind}\t{target.url}")


def check(
    name: Annotated[str, typer.Argument(help="The target's name; the only one if not given.")] = "",
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """Ask the running service to try a target: its address, its version, what the key may do."""
    settings = load_settings()
    chosen = _chosen(settings, name)
    with connect(settings, url, key_file) as api:
        answer = _check(api, chosen)
    typer.echo(answer)


def model(
    name: Annotated[str, typer.Argument(help="The target's name; the only one if not given.")] = "",
    url: Url = None,
    key_file: KeyFile = None,
) -> None:
    """List what can be mapped to: properties, classes, templates, item sets, data types, a line each."""
    settings = load_settings()
    with connect(settings, url, key_file) as api:
        typer.echo(api.target_model(_chosen(settings, name)), nl=False)


def _chosen(settings: Settings, name: str) -> str:
    chosen = name or settings.only_target
    if chosen is None:
        raise CommandError(f"Name one of the targets: {', '.join(sorted(settings.targets)) or 'none yet'}.")
    return chosen


def _check(api: Api, name: str) -> str:
    say(f"Checking {name} …")
    return api.check_target(name)
