"""Tags: which are the same, and how two requests do not bring the same new one at a time."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

LONGEST = 255
"""Characters: of a longer one Omeka makes a 500."""


def folded(tag: str) -> str:
    """The form in which Omeka takes tags for the same: without case, accents, and blanks around (`162`). The
    spelling that is there already wins."""
    apart = unicodedata.normalize("NFKD", tag.strip())
    return "".join(one for one in apart if not unicodedata.combining(one)).casefold()


class TagTurns:
    """Of requests that bring the same new tag at a time, one would be answered with a 500: Omeka looks
    whether there is one, and then adds it. So the first record that bears a tag is written before any other
    that does; those of other tags go on meanwhile."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._turns: dict[str, asyncio.Lock] = {}

    def learn(self, tags: Iterable[str]) -> None:
        """These are there: the target has answered with them."""
        for tag in map(folded, tags):
            self._known.add(tag)
            self._turns.pop(tag, None)

    @asynccontextmanager
    async def turn(self, tags: Iterable[str]) -> AsyncIterator[None]:
        """Wait until no other request brings one of these that is new; none does within the block."""
        async with AsyncExitStack() as stack:
            # Always in the same order: otherwise two could wait for each other.
            for tag in sorted(set(map(folded, tags))):
                while tag not in self._known:
                    lock = self._turns.setdefault(tag, asyncio.Lock())
                    await lock.acquire()
                    if tag not in self._known:
                        stack.callback(lock.release)
                        break
                    lock.release()
            yield
