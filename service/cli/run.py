"""`accession start`, `service`, `worker`, `migrate`: the processes."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from alembic.util import CommandError as AlembicError

from service.cli.errors import CommandError, say
from service.settings import Settings, load_settings
from service.store import migrate as migrations
from service.store.database import Database
from service.store.keys import create_initial_key
from service.supervisor import Supervisor, address_of, hold_data_dir, listen, refuse_unsafe, run_folder

KEY_FILE = "initial-key"


def add_to(app: typer.Typer) -> None:
    app.command()(start)
    app.command()(service)
    app.command()(worker)
    app.command()(migrate)


def start() -> None:
    """Run everything on this machine: queue, service and one worker, until SIGTERM or Ctrl-C.

    Brings the database up to date first. The first start leaves an API key in the data folder.
    """
    settings = load_settings()
    refuse_unsafe(settings)
    if not settings.targets:
        say(
            "No Omeka is configured yet: batches cannot be made. Set OMEKA_URL, OMEKA_KEY_IDENTITY and "
            "OMEKA_KEY_CREDENTIAL, or write [targets.NAME] in accession.toml."
        )
    with hold_data_dir(settings):
        asyncio.run(Supervisor(settings, say, lambda: _prepare(settings)).run())


def _prepare(settings: Settings) -> None:
    with opened(settings) as db:
        _upgrade(db)
        leave_initial_key(settings, db)


def leave_initial_key(settings: Settings, db: Database) -> None:
    """Make the key of the first start and leave it in the data folder, for this user's eyes only."""
    path = settings.data_dir / KEY_FILE
    coming = path.with_suffix(".coming")
    # The file comes first: a key that could not be left anywhere would be lost.
    descriptor = os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        created = create_initial_key(db)
        if created is None:
            coming.unlink()
            return
        os.write(descriptor, f"{created.secret}\n".encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    coming.replace(path)
    say(f"The first API key is in {path}.")
    if sys.stderr.isatty():
        say(f"It is: {created.secret}")


def service(
    fd: Annotated[int | None, typer.Option(hidden=True, help="A listening socket to take over.")] = None,
) -> None:
    """Run the HTTP service alone. It needs a migrated database and, to be of use, workers."""
    import uvicorn

    from service.app import create_app

    settings = load_settings()
    refuse_unsafe(settings)
    _log_to_stderr(settings, "service")
    listening = listen(settings.host, settings.port) if fd is None else socket.socket(fileno=fd)
    if fd is None:
        say(f"The service listens at {address_of(listening, settings)}")
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        access_log=settings.log_level == "debug",
        server_header=False,
        # Whose forwarded addresses are believed is decided where they matter.
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[listening])


def worker() -> None:
    """Run one worker alone. Any number of them may share a database and a queue."""
    load_settings()
    os.execv(sys.executable, (sys.executable, "-m", "worker.main"))  # noqa: S606 - becomes the worker


def migrate() -> None:
    """Bring the database to this release's schema. `start` does it by itself."""
    settings = load_settings()
    run_folder(settings)
    with opened(settings) as db:
        before = migrations.current_revision(db)
        _upgrade(db)
        after = migrations.current_revision(db)
    say(f"The database is at {after}" + (" already." if before == after else f" (was {before or 'empty'})."))


def _upgrade(db: Database) -> None:
    try:
        migrations.upgrade(db)
    except AlembicError as error:
        raise CommandError(
            f"The database belongs to another release of Accession ({error}). "
            "Run the newest release that was used with it, or restore a backup of its time."
        ) from error


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database, closed at the end."""
    db = Database(settings.database, busy_wait=settings.database_wait)
    try:
        yield db
    finally:
        db.dispose()


@contextmanager
def migrated(settings: Settings) -> Iterator[Database]:
    """The database, if its schema is this release's; else a :class:`CommandError`."""
    with opened(settings) as db:
        if migrations.current_revision(db) != migrations.head_revision():
            raise CommandError("The database is not at this release's schema: run `accession migrate` first.")
        yield db


def _log_to_stderr(settings: Settings, process: str) -> None:
    logging.basicConfig(
        level=settings.log_level.upper(),
        format=f"%(asctime)s {process} %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    if settings.log_level != "debug":
        for talkative in ("alembic", "uvicorn.error"):
            logging.getLogger(talkative).setLevel(logging.WARNING)
