"""`accession keys`: make, list and revoke API keys."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from service.cli.errors import CommandError, say
from service.cli.run import migrated
from service.settings import Settings, load_settings
from service.store.keys import SCOPES, Key, Scope, create_key, list_keys, revoke_key


def add_to(app: typer.Typer) -> None:
    keys = typer.Typer(no_args_is_help=True, help="API keys: make, list, revoke.", rich_markup_mode=None)
    keys.command()(create)
    keys.command(name="list")(list_)
    keys.command()(revoke)
    app.add_typer(keys, name="keys")


def create(
    label: Annotated[str, typer.Argument(help="What the key is for, or who has it. Shown beside every run.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"Any of {', '.join(SCOPES)}, with commas or repeated; all if not given."),
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="The only target that the key may see; all if not given.")
    ] = None,
) -> None:
    """Make a key. It is printed once, alone on stdout, and cannot be shown again."""
    settings = load_settings()
    label = label.strip()
    if not 1 <= len(label) <= 255:
        raise CommandError("The label must have 1 to 255 characters.")
    scopes = _scopes(scope)
    _check_target(settings, target)
    with migrated(settings) as db:
        created = create_key(db, label, scopes, target)
    say(f"Key {created.key.prefix}… for {label}: {_show_scopes(created.key)}, {_show_target(created.key)}.")
    typer.echo(created.secret)


def _scopes(given: Sequence[str] | None) -> tuple[Scope, ...]:
    if not given:
        return SCOPES
    words = [word.strip() for part in given for word in part.split(",") if word.strip()]
    unknown = sorted(set(words) - set(SCOPES))
    if unknown or not words:
        raise CommandError(f"--scope: {', '.join(unknown) or 'nothing'} is none of {', '.join(SCOPES)}.")
    return tuple(scope for scope in SCOPES if scope in words)


def _check_target(settings: Settings, target: str | None) -> None:
    if target is not None and target not in settings.targets:
        known = ", ".join(sorted(settings.targets)) or "none"
        raise CommandError(f"--target: {target} is not a configured target. Configured: {known}.")


def list_() -> None:
    """List all keys, revoked ones too. Only their beginnings are known."""
    with migrated(load_settings()) as db:
        keys = list_keys(db)
    columns = ("key", "label", "scopes", "target", "created", "last used", "state")
    rows = [
        (
            f"{key.prefix}…",
            key.label,
            _show_scopes(key),
            _show_target(key),
            _show_time(key.created_at),
            _show_time(key.last_used_at),
            "valid" if key.revoked_at is None else f"revoked {_show_time(key.revoked_at)}",
        )
        for key in keys
    ]
    if not sys.stdout.isatty():
        for row in (columns, *rows):
            typer.echo("\t".join(row))
        return
    table = Table(*columns, box=None)
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def revoke(
    name: Annotated[
        str, typer.Argument(help="The beginning of the key (acc_…, as `list` shows it), or its label.")
    ],
) -> None:
    """Revoke a key, at once and for good."""
    with migrated(load_settings()) as db:
        revoked = revoke_key(db, name.removesuffix("…"))
    if not revoked:
        raise CommandError(f"No valid key begins with, or is labelled, {name}. See `accession keys list`.")
    for key in revoked:
        say(f"Revoked {key.prefix}… ({key.label}).")


def _show_scopes(key: Key) -> str:
    return ",".join(scope for scope in SCOPES if scope in key.scopes)


def _show_target(key: Key) -> str:
    return "all targets" if key.target is None else key.target


def _show_time(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "never"
    return dt.datetime.fromtimestamp(milliseconds / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
