"""Folders whose names survive a power loss: a file in a folder that is lost is lost too."""

from __future__ import annotations

import os
from pathlib import Path


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, whose names survive a power loss. Raises `OSError`."""
    if path.is_dir():
        return
    if not path.parent.is_dir():
        make_folder(path.parent)
    make_one_folder(path)


def make_one_folder(path: Path) -> None:
    """The same, in a folder that must stand. Raises `OSError`."""
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """The names that stand in the folder now survive a power loss. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
