"""What time it is at a source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def clock(headers: Mapping[str, str]) -> str:
    """By the `Date` of an answer, ISO 8601 in UTC; by our own clock where there is none."""
    try:
        told = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        told = datetime.now(UTC)
    return told.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
