"""Where bytes on their way in lie: a folder for each process, which goes with it."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import weakref
from contextlib import suppress
from pathlib import Path

from service.store.disk import same_file


class IncomingFolder:
    """`NAME/` for the files of one process, and `NAME.lock`, which is locked as long as it lives."""

    def __init__(self, parent: Path) -> None:
        self.owner = os.getpid()
        while True:
            self._path = parent / secrets.token_hex(8)
            lock_path = self._path.with_suffix(".lock")
            lock = os.open(lock_path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Between the two lines above another process may have taken it for abandoned.
            if same_file(lock, lock_path):
                break
            os.close(lock)
        self._path.mkdir()
        self.remove = weakref.finalize(self, _remove_own, self.owner, self._path, lock_path, lock)

    def serves(self) -> bool:
        """Whether it is this process' own, and still there: a data folder may have gone and come back."""
        return self.owner == os.getpid() and self._path.is_dir()

    def new_file(self) -> Path:
        return self._path / secrets.token_hex(16)


def _remove_own(owner: int, path: Path, lock_path: Path, lock: int) -> None:
    if os.getpid() == owner:  # a fork of the process has no right to what its parent still uses
        shutil.rmtree(path, ignore_errors=True)
        with suppress(OSError):
            lock_path.unlink(missing_ok=True)
        os.close(lock)


def remove_abandoned(parent: Path) -> None:
    """Take away what dead processes left; a living one holds its lock."""
    for lock_path in parent.glob("*.lock"):
        with suppress(OSError), lock_path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock_path.with_suffix(""), ignore_errors=True)
            lock_path.unlink(missing_ok=True)
