"""Bytes by their digest: what was uploaded, kept once, whoever brought it.

:class:`BlobStore` is what the rest of the code knows; :class:`DiskBlobs` keeps them in a folder. All of
it is synchronous and belongs in threads. A blob is either there whole or not there at all: bytes are
written to a file beside the store, synchronised, renamed, and the folder is synchronised, so what was
answered survives a power loss. A process that dies leaves at most its own incoming folder, which the
next one to start takes away.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import stat
import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NewType, Protocol, TypeAlias

from msgspec import Struct

from service.store.database import StoreUnavailableError
from service.store.folders import make_folder, make_one_folder, sync_folder

Digest = NewType("Digest", str)
"""SHA-256 in 64 lower-case hexadecimal digits."""

Bytes: TypeAlias = "bytes | bytearray | memoryview"

CHUNK = 1024 * 1024
_PROBE = bytes(64 * 1024)
_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    return _DIGEST.fullmatch(text) is not None


class BlobMissingError(Exception):
    """The store holds no bytes of this digest (the message)."""


class Stored(Struct, frozen=True):
    """A blob that is safely there. `new` is False when the same bytes stood there before."""

    digest: Digest
    size: int
    new: bool


class Listed(Struct, frozen=True):
    """A blob as it lies in the store, whoever knows of it. `written_at` in ms since 1970 UTC."""

    digest: Digest
    size: int
    written_at: int


class Incoming(Protocol):
    """Bytes on their way in. Ends by `commit` or `discard`; `discard` after either does nothing."""

    @property
    def size(self) -> int:
        """Bytes written so far."""

    def write(self, data: Bytes) -> None: ...

    def finish(self) -> Digest:
        """No more bytes; they are on disk when this returns, though nobody can find them yet."""

    def read_back(self) -> bytes:
        """All bytes of a finished one, for content that must be judged before it is kept (and is small)."""

    def commit(self) -> Stored:
        """Make them findable by their digest, durably."""

    def discard(self) -> None: ...


class BlobStore(Protocol):
    """Where blobs are kept. Every method may raise `StoreUnavailableError`. One is equal to itself only."""

    def __hash__(self) -> int: ...

    def begin(self) -> Incoming: ...

    def put(self, chunks: Iterable[bytes]) -> Stored:
        """Keep these bytes; nothing is left behind when `chunks` raises."""

    def size(self, digest: Digest) -> int | None:
        """In bytes; None when there is no such blob."""

    def open_range(self, digest: Digest, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to `stop`, in chunks. Raises `BlobMissingError` before the first."""

    def local_path(self, digest: Digest) -> Path:
        """A local file with these bytes, for readers that need one. Raises `BlobMissingError`."""

    def reachable(self) -> bool:
        """Whether bytes could be written now."""

    def delete(self, digest: Digest) -> None:
        """Remove these bytes, durably; nothing happens when they are not there. See `held` for when."""

    def listed(self) -> Iterator[Listed]:
        """Everything that is kept, in no order."""


class DiskBlobs:
    """A folder: `ab/abcdef…` for the blobs, `incoming/` for bytes on their way in."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming: _IncomingFolder | None = None
        self._lock = threading.Lock()

    def begin(self) -> DiskIncoming:
        with _failures():
            return DiskIncoming(self, self._folder().new_file())

    def put(self, chunks: Iterable[bytes]) -> Stored:
        incoming = self.begin()
        try:
            for chunk in chunks:
                incoming.write(chunk)
            incoming.finish()
            return incoming.commit()
        finally:
            incoming.discard()

    def size(self, digest: Digest) -> int | None:
        with _failures():
            try:
                return self.path(digest).stat().st_size
            except FileNotFoundError:
                return None

    def open_range(self, digest: Digest, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        with _failures():
            try:
                file = self.path(digest).open("rb")
            except FileNotFoundError:
                self._require_store()
                raise BlobMissingError(digest) from None
        return _chunks(file, start, stop)

    def local_path(self, digest: Digest) -> Path:
        path = self.path(digest)
        with _failures():
            if not stat.S_ISREG(self._mode(path)):
                self._require_store()
                raise BlobMissingError(digest)
        return path

    def reachable(self) -> bool:
        try:
            incoming = self.begin()
        except StoreUnavailableError:
            return False
        try:
            incoming.write(_PROBE)  # a full disk still takes empty files
            incoming.finish()
        except StoreUnavailableError:
            return False
        finally:
            incoming.discard()
        return True

    def delete(self, digest: Digest) -> None:
        path = self.path(digest)
        with _failures():
            try:
                path.unlink()
            except FileNotFoundError:
                return
            sync_folder(path.parent)

    def listed(self) -> Iterator[Listed]:
        with _failures():
            folders = sorted(path for path in self.root.glob("[0-9a-f][0-9a-f]") if path.is_dir())
        for folder in folders:
            with _failures():
                names = sorted(name for name in os.listdir(folder) if is_digest(name))
            for name in names:
                found = _stat_of(folder / name)
                if found is not None:
                    yield Listed(Digest(name), found.st_size, found.st_mtime_ns // 1_000_000)

    def path(self, digest: Digest) -> Path:
        # A digest comes from outside: nothing else may ever become part of a path.
        if not is_digest(digest):
            raise BlobMissingError(digest)
        return self.root / digest[:2] / digest

    def close(self) -> None:
        """Take the incoming folder away. Further use makes a new one."""
        with self._lock:
            if self._incoming is not None:
                self._incoming.remove()
                self._incoming = None

    def _folder(self) -> _IncomingFolder:
        with self._lock:
            if self._incoming is None or not self._incoming.serves():
                if self._incoming is None:
                    make_folder(self.root)
                # A root that was there and has gone is not made anew: what it held would seem to be lost.
                parent = self.root / "incoming"
                make_one_folder(parent)
                _remove_abandoned(parent)
                self._incoming = _IncomingFolder(parent)
            return self._incoming

    @staticmethod
    def _mode(path: Path) -> int:
        """0 where there is nothing; a disk that cannot be read says so, unlike `Path.is_file`."""
        try:
            return path.stat().st_mode
        except FileNotFoundError:
            return 0

    def _require_store(self) -> None:
        """Nothing is known to be missing from a folder that is not there, or is another's mount point."""
        (self.root / "incoming").stat()


class DiskIncoming:
    """One file in the incoming folder, hashed while it is written."""

    def __init__(self, store: DiskBlobs, path: Path) -> None:
        self._store = store
        self._path = path
        self._file: IO[bytes] | None = path.open("xb", buffering=0)
        self._hash = hashlib.sha256()
        self._size = 0

    @property
    def size(self) -> int:
        return self._size

    def write(self, data: Bytes) -> None:
        assert self._file is not None, "written to after finish"
        with _failures(), memoryview(data) as view:
            self._hash.update(view)
            self._size += view.nbytes
            written = 0
            while written < view.nbytes:  # an unbuffered write may take less than it was given
                written += self._file.write(view[written:]) or 0

    def finish(self) -> Digest:
        if self._file is not None:
            with _failures():
                os.fsync(self._file.fileno())
                self._file.close()
            self._file = None
        return Digest(self._hash.hexdigest())

    def read_back(self) -> bytes:
        with _failures():
            return self._path.read_bytes()

    def commit(self) -> Stored:
        digest = self.finish()
        final = self._store.path(digest)
        with _failures():
            make_folder(final.parent)
            new = _size_of(final) != self._size
            if new:
                os.replace(self._path, final)
            else:
                self._path.unlink()
            # Also when the bytes stood there: whoever renamed them may not have come to this line yet.
            sync_folder(final.parent)
        return Stored(digest, self._size, new)

    def discard(self) -> None:
        file, self._file = self._file, None
        with suppress(OSError):
            if file is not None:
                file.close()
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


class _IncomingFolder:
    """`NAME/` for the files of one process, and `NAME.lock`, which is locked as long as it lives."""

    def __init__(self, parent: Path) -> None:
        self.owner = os.getpid()
        while True:
            self._path = parent / secrets.token_hex(8)
            lock_path = self._path.with_suffix(".lock")
            lock = os.open(lock_path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Between the two lines above another process may have taken it for abandoned.
            if _same_file(lock, lock_path):
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


def _remove_abandoned(parent: Path) -> None:
    """Take away what dead processes left; a living one holds its lock."""
    for lock_path in parent.glob("*.lock"):
        with suppress(OSError), lock_path.open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock_path.with_suffix(""), ignore_errors=True)
            lock_path.unlink(missing_ok=True)


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _stat_of(path: Path) -> os.stat_result | None:
    """None: somebody removed it since it was listed."""
    with _failures():
        try:
            return path.stat()
        except FileNotFoundError:
            return None


def _chunks(file: IO[bytes], start: int, stop: int | None) -> Iterator[bytes]:
    with file:
        file.seek(start)
        left = None if stop is None else max(0, stop - start)
        while left is None or left > 0:
            with _failures():
                chunk = file.read(CHUNK if left is None else min(CHUNK, left))
            if not chunk:
                return
            if left is not None:
                left -= len(chunk)
            yield chunk


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


@contextmanager
def _failures() -> Iterator[None]:
    """A full, read-only or vanished disk is the store's failure, not the caller's."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailableError(_why(error)) from error
