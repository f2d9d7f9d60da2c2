"""What a disk says when it fails, in words for whoever asked."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.store.database import StoreUnavailableError


@contextmanager
def disk_failures() -> Iterator[None]:
    """A full, read-only or vanished disk is the store's failure, not the caller's."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailableError(_why(error)) from error


def same_file(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one that stands there now."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def size_of(path: Path) -> int | None:
    """None: there is no such file. Raises `OSError`."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _why(error: OSError) -> str:
    """What a person can do about it. No path: these words go to whoever asked."""
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT | errno.EFBIG:
            what = "The disk that holds the uploaded files is full. Free some space on it, then try again."
        case errno.EROFS | errno.EACCES | errno.EPERM:
            what = (
                "The folder of the uploaded files may not be written to or read. Give the service's user the"
                " right to, then try again."
            )
        case errno.ENOENT | errno.ENOTDIR | errno.EEXIST:
            what = "The folder of the uploaded files is not there: is its disk mounted? Try again then."
        case _:
            reason = os.strerror(error.errno) if error.errno else "unknown"
            what = f"The disk that holds the uploaded files does not work: {reason}. Try again soon."
    return what
