"""Which bytes of a file a request brings, by its headers."""

from __future__ import annotations

import re

from msgspec import Struct

from service.errors import ApiError, bad_parameter, shown

_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


class Sent(Struct, frozen=True):
    """The bytes from `first` up to `stop` of a file that has `total`. `whole`: no `Content-Range` said so."""

    first: int
    stop: int
    total: int
    whole: bool = False


def sent_range(content_range: str | None, content_length: str | None) -> Sent | None:
    """What the body is; None when it is a whole file of unknown length. Raises `ApiError` 400."""
    length = int(content_length) if content_length is not None and content_length.isdecimal() else None
    if content_range is None:
        return None if length is None else Sent(0, length, length, whole=True)
    found = _RANGE.fullmatch(content_range.strip())
    if found is None:
        raise _refused(
            f"Content-Range is {shown(content_range)}: it must be bytes FIRST-LAST/TOTAL, three numbers,"
            " counted from 0. How much is there, HEAD tells."
        )
    first, last, total = map(int, found.groups())
    if not first <= last < total:
        raise _refused(
            f"Content-Range is {shown(content_range)}: FIRST is at most LAST, and LAST less than TOTAL."
        )
    if length is not None and length != last + 1 - first:
        raise _refused(
            f"Content-Range tells of {last + 1 - first:,} bytes, Content-Length of {length:,}: they must"
            " agree."
        )
    return Sent(first, last + 1, total)


def _refused(message: str) -> ApiError:
    return bad_parameter("Content-Range", message)
