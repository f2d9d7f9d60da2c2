"""In which order entries can be written: the depth of each below the resources that its links lead to. Pure.

Entries go by their numbers, which begin at 1, so arrays of integers hold the whole graph: some forty bytes
an entry and sixteen a link, whatever the records hold.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from msgspec import Struct


class Placed(Struct, frozen=True):
    """Where an entry stands. `cyclic`: it and others link to each other in a circle (or it links to itself):
    they stand at one depth, are created without the links among them, and completed when all are there."""

    seq: int
    depth: int
    cyclic: bool


class Graph:
    """What must be written before what."""

    def __init__(self, size: int) -> None:
        """`size`: the highest number of an entry."""
        self._size = size
        self._sources = array("q")
        self._targets = array("q")
        self._followers: set[int] = set()

    def add(self, source: int, target: int, *, follows: bool = False) -> None:
        """`source` needs `target` first. `follows`: it cannot even be created without (a media its item), so
        in a circle it stands one deeper."""
        self._sources.append(source)
        self._targets.append(target)
        if follows:
            self._followers.add(source)

    def placed(self) -> Iterator[Placed]:
        """Every entry that is not simply at depth 0, what is needed first before what needs it."""
        if self._sources:
            yield from _Search(self._size, self._sources, self._targets, self._followers).run()


class _Search:
    """Strongly connected components by Tarjan, without recursion: a component is complete only after all that
    it needs, so its depth is known at once."""

    def __init__(self, size: int, sources: array[int], targets: array[int], followers: set[int]) -> None:
        self._followers = followers
        self._heads, self._after = _adjacency(size, sources, targets)
        self._index = array("q", bytes(8 * (size + 1)))
        self._low = array("q", bytes(8 * (size + 1)))
        self._depth = array("q", [-1]) * (size + 1)
        self._visited = 0
        self._stack: list[int] = []
        self._roots = sources

    def run(self) -> Iterator[Placed]:
        for root in self._roots:
            if not self._index[root]:
                yield from self._from(root)

    def _enter(self, entry: int) -> None:
        self._visited += 1
        self._index[entry] = self._low[entry] = self._visited
        self._stack.append(entry)

    def _from(self, root: int) -> Iterator[Placed]:
        heads, after, index, low = self._heads, self._after, self._index, self._low
        self._enter(root)
        path = [root]
        places = [heads[root]]
        while path:
            entry, place = path[-1], places[-1]
            if place < heads[entry + 1]:
                places[-1] = place + 1
                other = after[place]
                if not index[other]:
                    self._enter(other)
                    path.append(other)
                    places.append(heads[other])
                elif self._depth[other] < 0:  # in a component that is still open
                    low[entry] = min(low[entry], index[other])
                continue
            path.pop()
            places.pop()
            if path:
                low[path[-1]] = min(low[path[-1]], low[entry])
            if low[entry] == index[entry]:
                yield from self._close(entry)

    def _close(self, entry: int) -> Iterator[Placed]:
        members = []
        while True:
            member = self._stack.pop()
            members.append(member)
            if member == entry:
                break
        needed = [other for member in members for other in self._needs(member)]
        depth = max((self._depth[other] + 1 for other in needed if self._depth[other] >= 0), default=0)
        cyclic = len(members) > 1 or entry in needed
        circle = frozenset(members) if cyclic else frozenset()
        behind = circle & self._followers
        for member in sorted(members):
            self._depth[member] = depth + (member in behind)
            if depth or cyclic:
                # What stands behind the circle finds all of it there, but for what stands behind it too.
                whole = member in behind and behind.isdisjoint(self._needs(member))
                yield Placed(member, self._depth[member], cyclic and not whole)

    def _needs(self, entry: int) -> array[int]:
        return self._after[self._heads[entry] : self._heads[entry + 1]]


def _adjacency(size: int, of: array[int], to: array[int]) -> tuple[array[int], array[int]]:
    """Edges grouped by `of`: those of entry n are `after[heads[n]:heads[n + 1]]`."""
    heads = array("q", bytes(8 * (size + 2)))
    for one in of:
        heads[one + 1] += 1
    for number in range(1, size + 2):
        heads[number] += heads[number - 1]
    places = array("q", heads)
    after = array("q", bytes(8 * len(to)))
    for one, other in zip(of, to, strict=True):
        after[places[one]] = other
        places[one] += 1
    return heads, after
