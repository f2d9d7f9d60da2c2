"""The secret that sessions are signed with: that of the settings, else one made once in the data folder."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from service.settings import Settings
from service.store.database import StoreUnavailableError
from service.store.folders import sync_folder

NAME = "session-secret"
LENGTH = 32
"""Bytes of a secret that is made here."""


def signing_secret(settings: Settings) -> bytes:
    """What all processes of this installation sign with.

    Several that share a data folder and start at once agree on one. Raises `StoreUnavailableError` where it
    can neither be read nor made.
    """
    told = settings.secret_key.get_secret_value()
    if told:
        return told.encode()
    path = settings.data_dir.resolve() / NAME
    try:
        if not path.exists():
            _make(path)
        found = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise StoreUnavailableError(_ADVICE) from error
    if len(found) < LENGTH:
        raise StoreUnavailableError(_ADVICE)
    return found


_ADVICE = (
    f"The file {NAME} in the data folder cannot be read or made: nobody can sign in. Let this program write"
    " there (and remove the file if it is damaged), or set ACCESSION_SECRET_KEY."
)


def _make(path: Path) -> None:
    """Whole or not at all, and never in place of another process's."""
    coming = path.with_name(f".{NAME}.{secrets.token_hex(4)}")
    descriptor = os.open(coming, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{secrets.token_hex(LENGTH)}\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(coming, path)
        sync_folder(path.parent)
    finally:
        coming.unlink(missing_ok=True)
