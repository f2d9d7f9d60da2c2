"""Every failure has a home: stop the run, repeat the call, or reject this record.

A message is for the person who must act: what, where, why, what to do. Secrets never enter one:
addresses are redacted (`worker.targets.redact`) before they become part of a message.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class AccessionError(Exception):
    """Base of all. `code` is stable and documented in `docs/errors.md`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Fatal(AccessionError):
    """Stop the run: going on could only do harm (wrong key, another site, unreadable file)."""


class Retriable(AccessionError):
    """Repeat the call: it did certainly not take effect, or repeating it does no harm.

    `retry_after` is in seconds, where the target said so.
    """

    def __init__(self, code: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_after = retry_after


HoldReason = Literal["quiet", "asked", "down", "rate"]
HOLD_CODES = {
    "quiet": "target-quiet",
    "asked": "target-busy",
    "down": "target-down",
    "rate": "target-busy",
}


class Hold(NamedTuple):
    """Why nothing may be sent to a target now, and after how many seconds to ask again.

    `quiet`: by the settings' hours; `asked`: the target wants to be left alone for so long; `down`: it is
    away, and not yet due to be tried again; `rate`: the requests of this second have been sent.
    """

    reason: HoldReason
    why: str
    seconds: float


class Held(AccessionError):
    """A request was not sent, since none may be now. It says nothing of the target; ask again later."""

    def __init__(self, hold: Hold) -> None:
        super().__init__(HOLD_CODES[hold.reason], hold.why)
        self.hold = hold


class Reject(AccessionError):
    """This record cannot be written; the others can."""


class FileUnreadable(Fatal):
    """A whole input file cannot be read (encoding, malformed JSON at line N, encrypted sheet, bomb)."""

    def __init__(self, code: str, message: str, file: str, line: int | None = None) -> None:
        where = f"{file}, line {line}" if line is not None else file
        super().__init__(code, f"{where}: {message}")
        self.file = file
        self.line = line
