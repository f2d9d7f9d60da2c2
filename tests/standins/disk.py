"""A disk whose power may go: it keeps what was really synchronised, and nothing else.

    with Recording(log, folder):
        ...                      # SQLite and blobs at work below `folder`
    cut_back(read_log(log)).restore(folder)

What SQLite does is seen by a VFS put before its own, on the very library that Python uses: each write,
truncation and `xSync` of a database and its write-ahead log, on its way to the real one. What Python does is
seen at `os.fsync`: a file's bytes, and a folder's names, last from that moment on. All of it goes into a log
on another "disk", which survives the death of the process, with marks that a test puts between.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import pickle
import random
import shutil
import stat
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias
from unittest import mock

Event: TypeAlias = tuple[Any, ...]
"""`write` path, offset, bytes · `truncate` path, size · `sync`, `synced` path, number · `gone` path · `base`
path, bytes · `file` inode, bytes · `folder` path, names to (inode, whether a folder) · `mark` anything."""

FileNames: TypeAlias = "dict[str, tuple[int, bool]]"

_MAIN_DB, _WAL = 0x100, 0x80000
"""SQLite's flags of the files that are looked at; what else it opens does not outlive a crash anyway."""
_OK = 0


# --- SQLite's interfaces ----------------------------------------------------------------------------

_FILE = ctypes.c_void_p
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, ctypes.c_void_p, ctypes.c_int, ctypes.c_int64)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _FILE, ctypes.c_int)
_OPEN = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, _FILE, ctypes.c_int, ctypes.POINTER(ctypes.c_int)
)
_DELETE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
"""Names go through as addresses: SQLite's own VFS keeps the address for as long as the file is open."""


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("close", ctypes.c_void_p),
        ("read", ctypes.c_void_p),
        ("write", ctypes.c_void_p),
        ("truncate", ctypes.c_void_p),
        ("sync", ctypes.c_void_p),
        ("others", ctypes.c_void_p * 13),
    ]


class _OpenFile(ctypes.Structure):
    """`sqlite3_file`: its methods, and what is its VFS's own behind them."""

    _fields_ = [("methods", ctypes.POINTER(_Methods))]


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`."""

    _fields_ = [
        ("version", ctypes.c_int),
        ("size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("data", ctypes.c_void_p),
        ("open", ctypes.c_void_p),
        ("delete", ctypes.c_void_p),
        ("others", ctypes.c_void_p * 14),
    ]


class _SqliteSpy:
    """SQLite's own VFS with ears. One a process; it stays, and does nothing while nobody records."""

    def __init__(self) -> None:
        import _sqlite3

        # The library is found through the module that is linked with it (or through the program itself).
        self._library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
        find = self._library.sqlite3_vfs_find
        find.restype, find.argtypes = ctypes.POINTER(_Vfs), [ctypes.c_char_p]
        self._library.sqlite3_vfs_register.argtypes = [ctypes.c_void_p, ctypes.c_int]
        self._own = find(None)
        self._vfs = _Vfs.from_buffer_copy(self._own.contents)
        self._vfs.name = b"recorded"
        self._real_open = _OPEN(self._vfs.open)
        self._real_delete = _DELETE(self._vfs.delete)
        # SQLite keeps the addresses: the objects must live as long.
        self._kept: list[Any] = [_OPEN(self._open), _DELETE(self._delete)]
        self._vfs.open = _address(self._kept[0])
        self._vfs.delete = _address(self._kept[1])
        self._methods: dict[int, _Methods] = {}
        self._paths: dict[int, str] = {}
        self.recording: Recording | None = None

    def listen(self, recording: Recording | None) -> None:
        """Databases opened from now on are seen, and told to `recording`; None: no longer."""
        self.recording = recording
        which: Any = self._own if recording is None else ctypes.byref(self._vfs)
        if self._library.sqlite3_vfs_register(which, 1) != _OK:
            raise RuntimeError("SQLite did not take the VFS")

    def _open(self, vfs: int, name: int | None, file: int, flags: int, out: Any) -> int:
        path = os.fsdecode(ctypes.string_at(name)) if name else ""
        seen = flags & (_MAIN_DB | _WAL) and self.recording is not None and self.recording.sees(path)
        if seen and self.recording is not None:
            # Before SQLite opens it for the first time: whoever closes a file loses its locks on it.
            self.recording.keep_database(path)
        code: int = self._real_open(vfs, name, file, flags, out)
        if seen and code == _OK:
            opened = _OpenFile.from_address(file)
            self._paths[file] = path
            opened.methods = ctypes.pointer(self._spying(opened.methods))
        return code

    def _spying(self, own: Any) -> _Methods:
        address = ctypes.addressof(own.contents)
        if address not in self._methods:
            methods = _Methods.from_buffer_copy(own.contents)
            write, truncate, sync = (
                _WRITE(methods.write),
                _TRUNCATE(methods.truncate),
                _SYNC(methods.sync),
            )

            def on_write(file: int, data: int, size: int, offset: int) -> int:
                code: int = write(file, data, size, offset)
                # Told once it is done: a sync that begins meanwhile need not take it along.
                self._tell("write", self._paths[file], offset, ctypes.string_at(data, size))
                return code

            def on_truncate(file: int, size: int) -> int:
                code: int = truncate(file, size)
                self._tell("truncate", self._paths[file], size)
                return code

            def on_sync(file: int, flags: int) -> int:
                # Only what was written before it began is certainly in it.
                number = self._begin_sync(self._paths[file])
                code: int = sync(file, flags)
                if code == _OK:
                    self._tell("synced", self._paths[file], number)
                return code

            kept = [_WRITE(on_write), _TRUNCATE(on_truncate), _SYNC(on_sync)]
            methods.write, methods.truncate, methods.sync = map(_address, kept)
            self._kept += kept
            self._methods[address] = methods
        return self._methods[address]

    def _delete(self, vfs: int, name: int, sync: int) -> int:
        code: int = self._real_delete(vfs, name, sync)
        path = os.fsdecode(ctypes.string_at(name))
        if self.recording is not None and self.recording.sees(path):
            self.recording.forget_database(path)
        return code

    def _begin_sync(self, path: str) -> int:
        recording = self.recording
        return 0 if recording is None else recording.begin_sync(path)

    def _tell(self, *event: Any) -> None:
        recording = self.recording
        if recording is not None:
            recording.tell(*event)


def _address(callback: Any) -> int | None:
    return ctypes.cast(callback, ctypes.c_void_p).value


def _bytes_of(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return b""


_SPY: list[_SqliteSpy] = []


def _spy() -> _SqliteSpy:
    if not _SPY:
        _SPY.append(_SqliteSpy())
    return _SPY[0]


# --- recording --------------------------------------------------------------------------------------


class Recording:
    """Writes down what happens to the files below `folder`; what stands there at the start counts as kept.

    `before_sync` is called before each sync of a database or its log with the number of it, from 1: the
    moment at which most was sent that nothing on disk may know of.
    """

    def __init__(
        self, log: Path, folder: Path, before_sync: Callable[[int], None] = lambda number: None
    ) -> None:
        self._folder = folder
        self._log = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        self._lock = threading.Lock()
        self._before_sync = before_sync
        self._syncs = itertools.count(1)
        self._databases: set[str] = set()
        self._fsync = os.fsync
        self._patch = mock.patch("os.fsync", self._on_fsync)

    def __enter__(self) -> Recording:
        for path in [self._folder, *self._folder.rglob("*")]:
            if path.is_dir():
                self._keep_folder(path)
            elif "-shm" not in path.name and not path.name.startswith("accession.db"):
                self._keep_file(path)
        _spy().listen(self)
        self._patch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._patch.stop()
        _spy().listen(None)
        os.close(self._log)

    def sees(self, path: str) -> bool:
        return bool(path) and Path(path).is_relative_to(self._folder)

    def keep_database(self, path: str) -> None:
        """What stands there when it is opened for the first time counts as kept."""
        if path not in self._databases:
            self._databases.add(path)
            self.tell("base", path, _bytes_of(path))

    def forget_database(self, path: str) -> None:
        if path in self._databases:
            self._databases.remove(path)
            self.tell("gone", path)

    def mark(self, what: object) -> None:
        """Put a mark into the log: what is sent now, what was answered."""
        self.tell("mark", what)

    def tell(self, *event: Any) -> None:
        with self._lock:
            os.write(self._log, pickle.dumps(event))

    def begin_sync(self, path: str) -> int:
        number = next(self._syncs)
        self._before_sync(number)
        self.tell("sync", path, number)
        return number

    def _on_fsync(self, descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            names = _names(path)
            self._fsync(descriptor)
            self.tell("folder", str(path), names)
        else:
            inode, content = os.fstat(descriptor).st_ino, path.read_bytes()
            self._fsync(descriptor)
            self.tell("file", inode, content)

    def _keep_folder(self, path: Path) -> None:
        self.tell("folder", str(path), _names(path))

    def _keep_file(self, path: Path) -> None:
        self.tell("file", path.stat().st_ino, path.read_bytes())


def _names(folder: Path) -> FileNames:
    found = {}
    for one in folder.iterdir():
        status = one.lstat()
        found[one.name] = (status.st_ino, stat.S_ISDIR(status.st_mode))
    return found


def read_log(log: Path) -> list[Event]:
    """Every event that was written whole."""
    events: list[Event] = []
    with log.open("rb") as file:
        while True:
            try:
                events.append(pickle.load(file))
            except (EOFError, pickle.UnpicklingError):
                return events


# --- after the cut ----------------------------------------------------------------------------------


@dataclass
class _Database:
    """A database or its log: bytes that last, and changes that may not."""

    kept: bytearray
    pending: list[Event] = field(default_factory=list)
    begun: dict[int, int] = field(default_factory=dict)
    """Of each sync under way: how many of the pending changes it certainly takes along."""

    def synced(self, number: int) -> None:
        taken = self.begun.pop(number)
        for change in self.pending[:taken]:
            _apply(self.kept, change)
        del self.pending[:taken]
        self.begun = {other: max(count - taken, 0) for other, count in self.begun.items()}


def _apply(content: bytearray, change: Event) -> None:
    match change:
        case ("write", _, int(offset), bytes(data)):
            if len(content) < offset:
                content.extend(bytes(offset - len(content)))
            content[offset : offset + len(data)] = data
        case ("truncate", _, int(size)):
            del content[size:]


@dataclass
class CutBack:
    """What a disk holds once the power is back."""

    databases: dict[str, _Database] = field(default_factory=dict)
    files: dict[int, bytes] = field(default_factory=dict)
    folders: dict[str, FileNames] = field(default_factory=dict)
    marks: list[Any] = field(default_factory=list)

    def restore(self, folder: Path, to: Path | None = None, landed: random.Random | None = None) -> None:
        """Make `folder` (or `to`, in its place) what survived of it. Nobody may have a file there open.

        `landed`: of what was written and not synchronised each part reached the disk, or did not, by chance.
        """
        target = to or folder
        databases = {
            Path(name).relative_to(folder): self._content(one, landed)
            for name, one in self.databases.items()
            if Path(name).is_relative_to(folder)
        }
        shutil.rmtree(target, ignore_errors=True)
        self._restore_folder(folder, target)
        for name, content in databases.items():
            if (target / name).parent.is_dir():  # else the folder's own name did not last, nor what is in it
                (target / name).write_bytes(content)

    def _content(self, database: _Database, landed: random.Random | None) -> bytes:
        content = bytearray(database.kept)
        for change in database.pending if landed is not None else ():
            if landed is not None and landed.random() < 0.5:
                _apply(content, change)
        return bytes(content)

    def _restore_folder(self, folder: Path, target: Path) -> None:
        target.mkdir(parents=True)
        for name, (inode, is_folder) in self.folders.get(str(folder), {}).items():
            if is_folder:
                self._restore_folder(folder / name, target / name)
            elif inode in self.files:
                (target / name).write_bytes(self.files[inode])
            elif str(folder / name) not in self.databases and "-shm" not in name:
                # Its name lasted and its bytes did not.
                (target / name).touch()


def cut_back(events: Sequence[Event]) -> CutBack:
    """What lasts when the power goes after these events."""
    found = CutBack()
    for event in events:
        match event:
            case ("base", str(path), bytes(content)):
                found.databases.setdefault(path, _Database(bytearray(content)))
            case ("write" | "truncate", str(path), *_):
                found.databases[path].pending.append(event)
            case ("sync", str(path), int(number)):
                one = found.databases[path]
                one.begun[number] = len(one.pending)
            case ("synced", str(path), int(number)):
                found.databases[path].synced(number)
            case ("gone", str(path)):
                found.databases.pop(path, None)
            case ("file", int(inode), bytes(content)):
                found.files[inode] = content
            case ("folder", str(path), dict(names)):
                found.folders[path] = names
            case ("mark", what):
                found.marks.append(what)
            case _:
                raise ValueError(f"an event of no known kind: {event[0]}")
    return found
