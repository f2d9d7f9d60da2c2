"""Bytes by their digest: what was uploaded, kept once, whoever brought it.

:class:`BlobStore` is what the rest of the code knows; :class:`DiskBlobs` keeps them in a folder. All of
it is synchronous and belongs in threads. A blob is either there whole or not there at all: bytes are
written to a file beside the store, synchronised, renamed, and the folder is synchronised, so what was
answered survives a power loss. Of many small files those that meet are synchronised at once, and a folder
once for all of them. A process that dies leaves at most its own incoming folder, which the next one to
start takes away.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from service.store.database import StoreUnavailableError
from service.store.digests import Digest as Digest
from service.store.digests import is_digest as is_digest
from service.store.disk import disk_failures, size_of
from service.store.folders import make_folder, make_one_folder, sync_folder
from service.store.incoming import IncomingFolder, remove_abandoned
from service.store.parts import DiskParts, PartStore

Bytes: TypeAlias = "bytes | bytearray | memoryview"

CHUNK = 1024 * 1024
_PROBE = bytes(64 * 1024)
AT_ONCE = 4
"""Synchronisations under way at a time: a disk makes one of several that meet."""


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

    def end(self) -> Digest:
        """No more bytes. They are not on disk yet: `finish` or `commit` sees to that, or `BlobStore.sync`."""

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

    def sync(self, incomings: Sequence[Incoming]) -> None:
        """`finish` several: many small ones in a fraction of the time that one after the other would take."""

    def commit(self, incomings: Sequence[Incoming]) -> list[Stored]:
        """`commit` several, all of this store. Should it fail on the way, some may stand and some not."""

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

    @property
    def parts(self) -> PartStore:
        """Uploads that come in pieces, and are not whole yet."""


class DiskBlobs:
    """A folder: `ab/abcdef…` for the blobs, `incoming/` for bytes on their way in, `parts/` for those that
    come in pieces."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._incoming: IncomingFolder | None = None
        self._lasting: set[Path] = set()
        self._lock = threading.Lock()
        self.parts: PartStore = DiskParts(root / "parts", self)

    def begin(self) -> DiskIncoming:
        with disk_failures():
            return DiskIncoming(self, self.prepare().new_file())

    def sync(self, incomings: Sequence[Incoming]) -> None:
        at_once(lambda one: one.finish(), incomings)

    def commit(self, incomings: Sequence[Incoming]) -> list[Stored]:
        self.sync(incomings)
        ours = [one for one in incomings if isinstance(one, DiskIncoming)]
        assert len(ours) == len(incomings), "incoming bytes of another store"
        with disk_failures():
            folders = {self.path(one.end()).parent for one in ours}
            self._make_lasting(folders)
            stored = [self._place(one) for one in ours]
            # Also where the bytes stood: whoever renamed them may not have come to this line yet.
            at_once(sync_folder, sorted(folders))
        return stored

    def _make_lasting(self, folders: Iterable[Path]) -> None:
        """Folders whose names survive a power loss, those too that another process has made just now."""
        missing = [path for path in folders if path not in self._lasting or not path.is_dir()]
        if missing:
            for path in missing:
                path.mkdir(exist_ok=True)
            sync_folder(self.root)
            self._lasting.update(missing)

    def _place(self, incoming: DiskIncoming) -> Stored:
        digest = incoming.end()
        new = size_of(self.path(digest)) != incoming.size
        if new:
            os.replace(incoming.path, self.path(digest))
        else:
            incoming.path.unlink()
        return Stored(digest, incoming.size, new)

    def place(self, path: Path, digest: Digest, size: int) -> bool:
        """Put a synchronised file of so many bytes among the blobs, durably; False when they stood there.

        Raises `OSError`, also when neither the file nor the bytes are there.
        """
        final = self.path(digest)
        self._make_lasting([final.parent])
        new = size_of(final) != size
        if new:
            os.replace(path, final)
        else:
            path.unlink(missing_ok=True)
        sync_folder(final.parent)
        return new

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
        with disk_failures():
            try:
                return self.path(digest).stat().st_size
            except FileNotFoundError:
                return None

    def open_range(self, digest: Digest, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        with disk_failures():
            try:
                file = self.path(digest).open("rb")
            except FileNotFoundError:
                self._require_store()
                raise BlobMissingError(digest) from None
        return _chunks(file, start, stop)

    def local_path(self, digest: Digest) -> Path:
        path = self.path(digest)
        with disk_failures():
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
        with disk_failures():
            try:
                path.unlink()
            except FileNotFoundError:
                return
            sync_folder(path.parent)

    def listed(self) -> Iterator[Listed]:
        with disk_failures():
            folders = sorted(path for path in self.root.glob("[0-9a-f][0-9a-f]") if path.is_dir())
        for folder in folders:
            with disk_failures():
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

    def prepare(self) -> IncomingFolder:
        """The folder of bytes on their way in; makes the store's own the first time."""
        with self._lock:
            if self._incoming is None or not self._incoming.serves():
                if self._incoming is None:
                    make_folder(self.root)
                # A root that was there and has gone is not made anew: what it held would seem to be lost.
                parent = self.root / "incoming"
                make_one_folder(parent)
                remove_abandoned(parent)
                self._incoming = IncomingFolder(parent)
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
        self.path = path
        self._file: IO[bytes] | None = path.open("xb", buffering=0)
        self._hash = hashlib.sha256()
        self._size = 0

    @property
    def size(self) -> int:
        return self._size

    def write(self, data: Bytes) -> None:
        assert self._file is not None, "written to after finish"
        with disk_failures(), memoryview(data) as view:
            self._hash.update(view)
            self._size += view.nbytes
            written = 0
            while written < view.nbytes:  # an unbuffered write may take less than it was given
                written += self._file.write(view[written:]) or 0

    def end(self) -> Digest:
        return Digest(self._hash.hexdigest())

    def finish(self) -> Digest:
        if self._file is not None:
            with disk_failures():
                os.fsync(self._file.fileno())
                self._file.close()
            self._file = None
        return self.end()

    def read_back(self) -> bytes:
        with disk_failures():
            return self.path.read_bytes()

    def commit(self) -> Stored:
        (stored,) = self._store.commit([self])
        return stored

    def discard(self) -> None:
        file, self._file = self._file, None
        with suppress(OSError):
            if file is not None:
                file.close()
        with suppress(OSError):
            self.path.unlink(missing_ok=True)


T = TypeVar("T")


def at_once(work: Callable[[T], object], ones: Sequence[T]) -> None:
    """Do it for each, several at a time. Raises what the first that failed raised, once all have ended."""
    if len(ones) < 2:
        for one in ones:
            work(one)
        return
    with ThreadPoolExecutor(AT_ONCE, "sync") as pool:
        for done in [pool.submit(work, one) for one in ones]:
            done.result()


def _stat_of(path: Path) -> os.stat_result | None:
    """None: somebody removed it since it was listed."""
    with disk_failures():
        try:
            return path.stat()
        except FileNotFoundError:
            return None


def _chunks(file: IO[bytes], start: int, stop: int | None) -> Iterator[bytes]:
    with file:
        file.seek(start)
        left = None if stop is None else max(0, stop - start)
        while left is None or left > 0:
            with disk_failures():
                chunk = file.read(CHUNK if left is None else min(CHUNK, left))
            if not chunk:
                return
            if left is not None:
                left -= len(chunk)
            yield chunk
