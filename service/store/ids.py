"""Identifiers of batches, runs and tasks."""

from __future__ import annotations

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no letter is taken for a digit


def new_id() -> str:
    """26 characters that sort by time of creation and cannot be guessed.

    48 bits of milliseconds since 1970, then 80 random bits.
    """
    number = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
