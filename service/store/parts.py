"""Uploads that come in pieces: what has come so far is kept until the bytes are whole.

A part belongs to the digest that it is to have and to its owner, the key that sends it. Nobody else learns
of it: that somebody holds a digest, or a half of it, must not be found out by asking. On a disk it is two
files beside the blobs: the bytes, and a note of how many there are to be and how many *count as held*. Only
what was synchronised before the note was written counts, so neither a killed process nor a power loss makes
it say too much. And a part is never held whole before its digest was checked: at most all but its last byte
counts until then, so who goes on with a part always has something to send that ends it.

The end of a part: the digest is checked, and the note says so; the bytes go among the blobs; who brought
them is committed; the note goes. Whoever dies in between leaves a part that is *proven*: the next request
ends it, without its bytes being sent or read again.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from service.store.digests import Digest, is_digest
from service.store.disk import disk_failures, same_file, size_of
from service.store.folders import make_one_folder, sync_folder

CHECKPOINT = 16 * 1024 * 1024
"""Bytes after which what was written is synchronised and counts."""
CHUNK = 1024 * 1024
_NAME = re.compile(r"([0-9a-f]{64})\.([0-9]{1,18})(\.note)?")
NOTE_BYTES = 64
"""More than a note has."""
_NOTE = re.compile(rb"([0-9]{20}) ([0-9]{20})\n")


class Progress(Struct, frozen=True):
    """How many bytes count as held, of how many."""

    held: int
    total: int


class ListedPart(Struct, frozen=True):
    """A part as it lies in the store. `size`: bytes that it takes up; `written_at` in ms since 1970 UTC."""

    digest: Digest
    owner: int
    size: int
    written_at: int


class PartBusyError(Exception):
    """Another request writes this part at the moment."""


class PartTotalError(Exception):
    """The part was begun with another length; `progress` is that part's."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(f"begun with a length of {progress.total} bytes")
        self.progress = progress


class Part(Protocol):
    """A part that is being written, by nobody else. Ends by `close`, which keeps it, after anything."""

    @property
    def total(self) -> int: ...

    @property
    def held(self) -> int:
        """Bytes that are there, those too that were written and do not count yet."""

    def write(self, data: memoryview) -> None:
        """Bytes that follow those that are held, up to `total` of them."""

    @property
    def proven(self) -> bool:
        """Whether all bytes came, and their digest is the right one."""

    def finish(self) -> Digest:
        """The digest of all `total` bytes. If it is the part's own, they are on disk now, and proven."""

    def keep(self) -> bool:
        """Make the proven bytes findable by their digest, durably; False when they stood there before. The
        part stays proven, for as long as who brought them is not committed."""

    def discard(self) -> None:
        """Remove what there is of the part."""

    def close(self) -> None:
        """What was written counts, durably, and others may go on."""


class PartStore(Protocol):
    """Every method may raise `StoreUnavailableError`."""

    def progress(self, digest: Digest, owner: int) -> Progress | None:
        """What counts as held, fewer bytes than `total`; None when there is no part."""

    def open(self, digest: Digest, owner: int, total: int, *, anew: bool = False) -> Part:
        """Go on with a part, or begin it; `total` is 1 at least. `anew`: one that was begun with another
        length is begun again.

        Raises `PartBusyError`; `PartTotalError`, unless `anew`.
        """

    def listed(self) -> Iterator[ListedPart]:
        """All parts, in no order."""

    def remove(self, part: ListedPart) -> bool:
        """Remove a part; False when it is written to, or was since it was listed."""


class Home(Protocol):
    """The blobs beside which the parts lie."""

    def prepare(self) -> object:
        """Make sure that the store's folder is there. Raises `StoreUnavailableError`, `OSError`."""

    def size(self, digest: Digest) -> int | None: ...

    def place(self, path: Path, digest: Digest, size: int) -> bool:
        """Make a synchronised file findable by its digest, durably; it is gone from where it was. False when
        the bytes stood there. Raises `OSError`."""


class DiskParts:
    """The folder `parts`: `DIGEST.OWNER` for the bytes, `DIGEST.OWNER.note` for the note, which is locked by
    who writes. The note goes first, so bytes without one are nothing."""

    def __init__(self, folder: Path, home: Home) -> None:
        self._folder = folder
        self._home = home

    def progress(self, digest: Digest, owner: int) -> Progress | None:
        path = self._path(digest, owner)
        with disk_failures():
            try:
                noted = _parsed(_note_of(path).read_bytes())
            except FileNotFoundError:
                return None
            if noted is None:
                return None
            there = size_of(path) or 0
            if noted.held == noted.total and self._home.size(digest) == noted.total:
                there = noted.total
        return Progress(min(noted.held, there, noted.total - 1), noted.total)

    def open(self, digest: Digest, owner: int, total: int, *, anew: bool = False) -> DiskPart:
        assert total > 0, "no bytes are no part"
        path = self._path(digest, owner)
        with disk_failures():
            self._home.prepare()
            if not self._folder.is_dir():
                make_one_folder(self._folder)
            note = _locked(_note_of(path))
            if note is None:
                raise PartBusyError
            try:
                noted = self._noted(path, note, digest)
                if noted is not None and noted.total != total and not anew:
                    raise PartTotalError(noted)
                if noted is None or noted.total != total:
                    noted = _begin(path, note, total)
                return DiskPart(path, digest, (note, noted), self._home)
            except BaseException:
                os.close(note)
                raise

    def _noted(self, path: Path, note: int, digest: Digest) -> Progress | None:
        """What is noted, if it can be gone on with."""
        noted = _parsed(os.pread(note, NOTE_BYTES, 0))
        if noted is None or path.is_file():
            return noted
        placed = noted.held == noted.total and self._home.size(digest) == noted.total
        return noted if placed else None

    def listed(self) -> Iterator[ListedPart]:
        with disk_failures():
            try:
                names = sorted(os.listdir(self._folder))
            except FileNotFoundError:
                return
        for digest, owner in dict.fromkeys(
            (Digest(found[1]), int(found[2])) for found in map(_NAME.fullmatch, names) if found
        ):
            with disk_failures():
                one = self._listed(digest, owner)
            if one is not None:
                yield one

    def remove(self, part: ListedPart) -> bool:
        path = self._path(part.digest, part.owner)
        with disk_failures():
            note = _locked(_note_of(path))
            if note is None:
                return False
            try:
                before = _written(path)
                if before is not None and before[1] > part.written_at:
                    return False
                _unlink(path)
            finally:
                os.close(note)
        return True

    def _listed(self, digest: Digest, owner: int) -> ListedPart | None:
        found = [one for one in map(_written, _files(self._path(digest, owner))) if one is not None]
        if not found:
            return None
        return ListedPart(digest, owner, found[0][0], max(at for _, at in found))

    def _path(self, digest: Digest, owner: int) -> Path:
        # A digest comes from outside: nothing else may ever become part of a path.
        assert is_digest(digest), "no digest"
        return self._folder / f"{digest}.{owner}"


class DiskPart:
    """The bytes of a part, open for who holds the lock on its note."""

    def __init__(self, path: Path, digest: Digest, noted: tuple[int, Progress], home: Home) -> None:
        """`noted`: the locked note, which is closed by `close`, and what it says."""
        self._note, progress = noted
        self.total = progress.total
        self.proven = progress.held == progress.total
        self._path, self._digest, self._home = path, digest, home
        self._hash, self._hashed = hashlib.sha256(), 0
        self._sound = self._open = True
        # A cancelled request closes its part while a thread may still be writing for it.
        self._lock = threading.Lock()
        self._file: int | None = None
        self._held = self._counted = self.total
        if not self.proven:
            self._file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            # Less than was noted is there only if somebody took it away.
            self._held = self._counted = min(progress.held, os.fstat(self._file).st_size)
            # What does not count may be anything after a power loss.
            os.ftruncate(self._file, self._held)

    @property
    def held(self) -> int:
        return self._held

    def write(self, data: memoryview) -> None:
        assert self._held + data.nbytes <= self.total, "more bytes than there are to be"
        with self._lock, self._failing():
            assert self._file is not None, "written to although it is proven or closed"
            if self._hashed == self._held:
                self._hash.update(data)
                self._hashed += data.nbytes
            written = 0
            while written < data.nbytes:
                written += os.pwrite(self._file, data[written:], self._held + written)
            self._held += data.nbytes
            if self._held - self._counted >= CHECKPOINT:
                self._count(self._file)

    def finish(self) -> Digest:
        assert self._held == self.total, "not whole"
        with self._lock, self._failing():
            if self.proven:
                return self._digest
            assert self._file is not None, "finished although it is closed"
            os.fsync(self._file)
            # What came with an earlier request was hashed by nobody; it is read as it lies on the disk.
            while self._hashed < self.total:
                chunk = os.pread(self._file, CHUNK, self._hashed)
                if not chunk:
                    break  # somebody cut the file: its digest is another then
                self._hash.update(chunk)
                self._hashed += len(chunk)
            digest = Digest(self._hash.hexdigest())
            self.proven = digest == self._digest
            if self.proven:
                _write_note(self._note, Progress(self.total, self.total))
                os.fsync(self._note)
        return digest

    def keep(self) -> bool:
        assert self.proven, "kept although it is not proven"
        with self._lock, disk_failures():
            return self._home.place(self._path, self._digest, self.total)

    def discard(self) -> None:
        with self._lock, disk_failures():
            _unlink(self._path)
        self._sound = False

    def close(self) -> None:
        with self._lock:
            if not self._open:
                return
            self._open = False
            try:
                with disk_failures():
                    self._leave()
            finally:
                file, self._file = self._file, None
                if file is not None:
                    os.close(file)
                os.close(self._note)

    def _leave(self) -> None:
        if self._file is not None and self._sound and not self.proven:
            self._count(self._file)
            if self._counted == 0:
                _unlink(self._path)

    def _count(self, file: int) -> None:
        """From now on what is there counts, durably."""
        counted = min(self._held, self.total - 1)
        if counted > self._counted:
            os.fsync(file)
            _write_note(self._note, Progress(counted, self.total))
            os.fsync(self._note)
            self._counted = counted

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """A disk that failed to write may say the next time that all is well: nothing counts any more."""
        sound, self._sound = self._sound, False
        with disk_failures():
            yield
        self._sound = sound


def _note_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.note")


def _files(path: Path) -> tuple[Path, Path]:
    return path, _note_of(path)


def _parsed(note: bytes) -> Progress | None:
    """None: it says nothing, as one that was just made, or lost its bytes with the power."""
    found = _NOTE.fullmatch(note)
    return None if found is None else Progress(int(found[1]), int(found[2]))


def _write_note(note: int, progress: Progress) -> None:
    os.pwrite(note, b"%020d %020d\n" % (progress.held, progress.total), 0)


def _locked(path: Path) -> int | None:
    """The open file, locked until it is closed; None when another has it."""
    while True:
        note = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(note, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(note)
            return None
        # Between the two lines above it may have been removed by who had the lock.
        if same_file(note, path):
            return note
        os.close(note)


def _begin(path: Path, note: int, total: int) -> Progress:
    """An empty part. Its note says something only once the bytes' name is durable too, so that bytes that are
    not there have gone among the blobs."""
    os.ftruncate(note, 0)
    os.fsync(note)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    sync_folder(path.parent)
    begun = Progress(0, total)
    _write_note(note, begun)
    os.fsync(note)
    return begun


def _written(path: Path) -> tuple[int, int] | None:
    """Size, and when it was last written to in ms; None where there is nothing."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns // 1_000_000


def _unlink(path: Path) -> None:
    """The note first: without it the bytes are nothing."""
    for one in reversed(_files(path)):
        with suppress(FileNotFoundError):
            one.unlink()
