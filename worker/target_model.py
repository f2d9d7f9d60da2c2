"""What a target offers to map to, kept to a size that a task's result and a reader can bear."""

from __future__ import annotations

import msgspec

from service.control.target_model import TargetCustomVocabulary, TargetModel
from worker.targets.base import Adapter

MOST_ITEM_SETS = 5000
MOST_MEMBERS = 2000
"""Members of one custom vocabulary."""
MOST_BYTES = 8 * 1024 * 1024
"""Of the model as JSON; over it, the comments of properties and classes are left out."""


async def read_model(adapter: Adapter) -> TargetModel:
    """The target's model, bounded. The adapter must have been proven: a stranger is shown less.

    Raises what the adapter's reads raise.
    """
    return bounded(await adapter.model())


def bounded(model: TargetModel) -> TargetModel:
    """The model with its longest lists cut, which `left_out` then says."""
    left_out = list(model.left_out)
    item_sets = model.item_sets[:MOST_ITEM_SETS]
    if len(item_sets) < len(model.item_sets):
        left_out.append(f"{len(model.item_sets) - len(item_sets)} more item sets.")
    for one in model.custom_vocabularies:
        more = max(len(one.terms), len(one.uris)) - MOST_MEMBERS
        if more > 0:
            left_out.append(f"{more} more members of the vocabulary {one.label}.")
    cut = msgspec.structs.replace(
        model,
        item_sets=item_sets,
        custom_vocabularies=tuple(_cut(one) for one in model.custom_vocabularies),
        left_out=tuple(left_out),
    )
    if len(msgspec.json.encode(cut)) <= MOST_BYTES:
        return cut
    without = tuple(
        msgspec.structs.replace(
            vocabulary,
            properties=tuple(msgspec.structs.replace(one, comment="") for one in vocabulary.properties),
            classes=tuple(msgspec.structs.replace(one, comment="") for one in vocabulary.classes),
        )
        for vocabulary in cut.vocabularies
    )
    left_out.append("The comments of properties and classes.")
    return msgspec.structs.replace(cut, vocabularies=without, left_out=tuple(left_out))


def _cut(vocabulary: TargetCustomVocabulary) -> TargetCustomVocabulary:
    return msgspec.structs.replace(
        vocabulary, terms=vocabulary.terms[:MOST_MEMBERS], uris=vocabulary.uris[:MOST_MEMBERS]
    )
