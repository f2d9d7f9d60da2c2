"""Identifiers of batches, runs and tasks."""

from __future__ import annotations

import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no letter is taken for a digit
_lock = threading.Lock()
_last = 0


def new_id() -> str:
    """26 characters that sort by time of creation and cannot be guessed.

    48 bits of milliseconds since 1970, then 80 random bits. What one process makes in the same millisecond,
    or while its clock goes back, sorts in that order too: each is more than the last by a random number.
    """
    global _last
    with _lock:
        drawn = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
        if drawn <= _last:
            drawn = _last + 1 + secrets.randbits(72)
        _last = number = drawn
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
