"""Which files a control file takes, and which of them it cannot do without."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import re2

from service.control.chosen import is_list
from service.control.files import name_fault
from service.control.model import Control, FileSpec, SiteReader

__all__ = ["entry_of", "glob_matches", "match_file", "missing_required", "name_fault"]


def match_file(control: Control, name: str) -> FileSpec | None:
    """The entry that a file of this logical name is read by: exact, else the longest glob, else `DEFAULT`.

    Of two globs of one length the earlier one. Entries that read from a configured source take no file, nor
    does another one of their name. A list of identifiers (`only/…`) is read by none.
    """
    name = unicodedata.normalize("NFC", name)
    if is_list(name) or _of_source(control, name) is not None:
        return None
    found: FileSpec | None = None
    default: FileSpec | None = None
    for spec in control.files:
        if isinstance(spec.reader, SiteReader):
            continue
        if spec.is_default:
            default = spec
        elif not spec.is_glob:
            if spec.pattern == name:
                return spec
        elif (found is None or len(spec.pattern) > len(found.pattern)) and glob_matches(spec.pattern, name):
            found = spec
    return found or default


def entry_of(control: Control, name: str) -> FileSpec | None:
    """The entry of a file that a batch has: it was read from a source for it, or uploaded (`match_file`)."""
    return _of_source(control, unicodedata.normalize("NFC", name)) or match_file(control, name)


def _of_source(control: Control, name: str) -> FileSpec | None:
    for spec in control.files:
        if isinstance(spec.reader, SiteReader) and spec.pattern == name:
            return spec
    return None


def glob_matches(pattern: str, name: str) -> bool:
    """`*` is anything within a segment, `**` anything at all; every other character is itself."""
    return bool(_compiled(pattern).fullmatch(name))


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> Any:
    parts = (
        "[^/]*".join(re2.escape(piece) for piece in segment.split("*")) for segment in pattern.split("**")
    )
    options = re2.Options()
    options.dot_nl = True
    return re2.compile(".*".join(parts), options)


def missing_required(control: Control, names: Iterable[str]) -> list[str]:
    """The required entries that none of these files is read by, in the order of the control file."""
    taken = {spec.pattern for name in names if (spec := match_file(control, name)) is not None}
    return [spec.pattern for spec in control.files if spec.required and spec.pattern not in taken]
