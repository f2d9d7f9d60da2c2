"""What mapping must know of the target, given as plain data so that mapping itself asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class CustomVocabulary:
    """A vocabulary of the CustomVocab module, as it stands in the target now.

    `literal`: `terms` may be used. `uri`: the keys of `uris` may, their labels are the values.
    `resource`: any item of its set, and `unlisted`: anything; members are not known here.
    """

    label: str
    kind: Literal["literal", "uri", "resource", "unlisted"]
    terms: frozenset[str] = frozenset()
    uris: Mapping[str, str] = field(default_factory=dict)


class VocabularyLookups(Protocol):
    """Asked while a control is compiled, never while rows are mapped."""

    def custom_vocabulary(self, label: str) -> CustomVocabulary | None:
        """By label or by number; None where the target has none of that name."""


class NoTarget:
    """Lookups of a check without a target: nothing is known, so membership is not judged."""

    def custom_vocabulary(self, label: str) -> CustomVocabulary | None:
        return CustomVocabulary(label, "unlisted")
