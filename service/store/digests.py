"""By what bytes are known."""

from __future__ import annotations

import re
from typing import NewType

Digest = NewType("Digest", str)
"""SHA-256 in 64 lower-case hexadecimal digits."""

_DIGEST = re.compile(r"[0-9a-f]{64}")


def is_digest(text: str) -> bool:
    return _DIGEST.fullmatch(text) is not None
