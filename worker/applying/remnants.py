"""Which of the creates that failed half-way left which remnants. Pure.

Several records may look alike as long as little of them is saved: a remnant may be of any of those. What
there is can be explained as long as each remnant has a create of its own.
"""

from __future__ import annotations

from collections.abc import Sequence


def assigned(fitting: Sequence[Sequence[int]]) -> list[int | None]:
    """For each remnant the create that explains it, by number; each create explains one at most.

    `fitting`: for each remnant the numbers of those that may have left it. None: of this one and of those
    like it there are more than creates, so somebody's own is among them, and nothing tells which.
    """
    owner: dict[int, int] = {}
    unexplained = [remnant for remnant in range(len(fitting)) if not _place(remnant, fitting, owner, set())]
    doubtful = set(unexplained)
    while unexplained:
        for create in fitting[unexplained.pop()]:
            if owner[create] not in doubtful:
                doubtful.add(owner[create])
                unexplained.append(owner[create])
    found = {remnant: create for create, remnant in owner.items() if remnant not in doubtful}
    return [found.get(remnant) for remnant in range(len(fitting))]


def _place(remnant: int, fitting: Sequence[Sequence[int]], owner: dict[int, int], tried: set[int]) -> bool:
    """Find a create for it, and others for those that had the ones that fit."""
    for create in fitting[remnant]:
        if create in tried:
            continue
        tried.add(create)
        if create not in owner or _place(owner[create], fitting, owner, tried):
            owner[create] = remnant
            return True
    return False
