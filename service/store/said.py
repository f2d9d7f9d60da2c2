"""What a report says of an entry, and which entries it says the same of. Pure."""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from typing import Literal

import msgspec
from msgspec import Struct

Weight = Literal["rejected", "failed", "uncertain", "altered", "note"]
"""What became of a record of which something is said. `note`: nothing bad, but a person may want to know."""
GRAVE: tuple[Weight, ...] = ("rejected", "failed", "uncertain", "altered")

_MESSAGE = 2000
_VALUE = 200
"""Most characters that a group keeps."""
_CHANGING = re.compile(r"“[^”]*”|\"[^\"]*\"|https?://\S+|\d+")
"""What of a message is about one record: quotations, addresses, numbers."""
_SHAPE = 300


class EntryProblem(Struct, frozen=True):
    """What planning found wrong with a record."""

    severity: str
    code: str
    message: str
    pointer: str = ""
    value: str = ""


class Said(Struct, frozen=True):
    """Something that is said of an entry. `late`: not before it was carried out."""

    weight: Weight
    code: str
    message: str
    pointer: str = ""
    value: str = ""
    late: bool = False

    @property
    def group(self) -> str:
        """The same for all entries of which the same is said, be it with other values."""
        return _group(self.weight, self.code, self.pointer, self.message, self.late)


_problems = msgspec.json.Decoder(list[EntryProblem])


def problems_of(data: bytes | None) -> list[EntryProblem]:
    """Of what `plan_entry.problems` keeps."""
    return _problems.decode(data) if data else []


def planned(data: bytes | None, action: str, code: str | None, message: str | None) -> list[Said]:
    """What a plan says of an entry that it holds: each thing once."""
    if data:
        found = [
            Said(_weight(one.severity), one.code, _clean(one.message), _clean(one.pointer), _clean(one.value))
            for one in problems_of(data)
        ]
    elif message:
        found = [Said("rejected" if action == "reject" else "note", code or "", _clean(message))]
    else:
        return []
    return list({one.group: one for one in reversed(found)}.values())[::-1]


def ended(outcome: str, code: str | None, message: str | None) -> Said | None:
    """What is said of an entry because of how it ended."""
    if not message:
        return None
    weight: Weight = next((one for one in GRAVE if one == outcome), "note")
    return Said(weight, code or "", _clean(message), late=True)


def now(
    data: bytes | None, action: str, outcome: str | None, code: str | None, message: str | None
) -> list[Said]:
    """All that is said of an entry as it stands: first what came of it, then what planning noticed."""
    if not message or message in [one.message for one in problems_of(data)]:
        return planned(data, action, None, None)
    late = outcome in GRAVE and action != "reject"
    if not data and not late:
        return planned(None, action, code, message)
    last = ended(outcome or "", code, message)
    return [*([last] if last is not None else []), *planned(data, action, None, None)]


def identifier_key(identifier: str) -> str:
    """By what an identifier is found that belongs to no identity (such as that of a rejected record)."""
    return f"i{_digest(unicodedata.normalize('NFC', identifier).strip())}"


def _weight(severity: str) -> Weight:
    return "note" if severity == "warning" else "rejected"


@functools.lru_cache(maxsize=4096)
def _group(weight: str, code: str, pointer: str, message: str, late: bool) -> str:
    shape = _CHANGING.sub("…", message)[:_SHAPE]
    return f"g{_digest(chr(31).join((weight, code, pointer, shape, str(late))))}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _clean(text: str) -> str:
    """As a database takes it: without NUL and halves of characters."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def shortened(said: Said) -> tuple[str, str]:
    """Its message and its value as a group keeps them."""
    return _cut(said.message, _MESSAGE), _cut(said.value, _VALUE)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
