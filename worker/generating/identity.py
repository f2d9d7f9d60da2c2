"""By what a record is known again: the column that is named like an identifier and differs in all records."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath

from msgspec import Struct

from worker.generating.fields import Field, todo
from worker.generating.identity_names import identity_ranks
from worker.generating.naming import sure_keys, word_set
from worker.readers.base import count, shorten
from worker.records import Json

_IDENTIFIER = "dcterms:identifier"
_EXPORT = word_set(
    "export exported exports data dump final new copy kopie copie copia utf8 csv json xml file full all "
    "import sample test v1 v2 v3 download records liste list data0"
)
_LONGEST_SCOPE = 40
_STANDS_ON_THINGS = 1
"""Up to this rank of `IDENTITIES` a name is that of an identifier whatever else there is."""


class Identified(Struct, frozen=True):
    """The entry of `match`, and the field that it takes over; None where a person must decide."""

    match: dict[str, Json]
    field: Field | None
    notes: tuple[str, ...] = ()


def identify(fields: list[Field], records: int, scope: str, *, by: str = _IDENTIFIER) -> Identified:
    """`fields`: those of the record itself, in its order."""
    named = [(rank, place, one) for place, one in enumerate(fields) if (rank := rank_of(one)) is not None]
    sound = [(rank, place) for rank, place, one in named if one.facts.unique and not one.leaf.many]
    if not sound:
        return _undecided([one for _, _, one in sorted(named, key=lambda each: each[:2])], scope, by)
    chosen = fields[min(sound)[1]]
    if chosen.choice.grade == "sure" and chosen.choice.why == "by its name in the template":
        by = chosen.choice.term
    said = f"{chosen.leaf.shown} differs in all {count(records, 'record')} that were looked at."
    said += f" It is added as {by}."
    match: dict[str, Json] = {"comment": said, **chosen.leaf.address, "by": by, "scope": scope}
    return Identified(match, chosen)


def _undecided(named: list[Field], scope: str, by: str) -> Identified:
    if named:
        best = named[0]
        twice = best.facts.filled - best.facts.distinct
        why = f"comes again in {count(twice, 'record')}" if twice > 0 else "is not in every record"
        said = f"{best.leaf.shown} {why}, so it cannot tell records apart."
        match: dict[str, Json] = {"comment": said, "source": f"TODO: {best.leaf.shown}?"}
    else:
        said = (
            "No column is named like an identifier and differs in all records. Name the one by which records "
            "are known again; without a match, running this twice creates everything twice."
        )
        match = {"comment": said, "source": "TODO"}
    return Identified({**match, "by": by, "scope": scope}, None, (said,))


def rank_of(one: Field) -> int | None:
    """How good a name of an identifier it is (0 is best); None: none, or its values are none."""
    if one.facts.kind in ("boolean", "date", "empty", "image") or one.leaf.many:
        return None
    if any(len(sample) > 200 for sample in one.facts.samples):
        return None
    ranks = identity_ranks()
    found = [ranks[key] for key in sure_keys(one.leaf.node.name.lstrip("@")) if key in ranks]
    if one.choice.grade == "sure" and one.choice.term == _IDENTIFIER:
        found.append(1)
    return min(found, default=None)


def name_other_identifiers(fields: list[Field], chosen: Field | None, available: str) -> None:
    """Numbers that stand on the things are identifiers, too, where no other property fits them better."""
    for one in fields:
        rank = rank_of(one)
        if rank is None or one is chosen or not available or (one.choice.grade == "sure" and one.decided):
            continue
        if rank <= _STANDS_ON_THINGS and not one.facts.constant:
            one.name = available
            one.comments = [said for said in one.comments if not said.startswith("Values: ")]
        else:
            one.todo(available)
    for one in fields:
        if one.name == todo():
            one.comments.append("Nothing is called so; take this out if it should not be imported.")


def scope_of(name: str) -> str:
    """The name of a file without its folder, ending, dates, numbers and words that only exports have."""
    stem = PurePath(unicodedata.normalize("NFC", name).replace("\\", "/")).name.partition(".")[0]
    parts = re.split(r"[\W_]+", stem.casefold())
    kept = [part for part in parts if part and not part.isdigit() and part not in _EXPORT]
    return shorten("-".join(kept), _LONGEST_SCOPE).rstrip("…-")
