"""The four vocabularies of a fresh installation, with the ids that its installer gives them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import orjson

from .model import Json, Term, Vocabulary

_DATA = Path(__file__).with_name("vocabularies.json")


@cache
def _data() -> list[Json]:
    loaded: list[Json] = orjson.loads(_DATA.read_bytes())
    return loaded


def standard() -> Iterator[Vocabulary]:
    """Dublin Core, its types, BIBO and FOAF, in the order of installation."""
    for number, row in enumerate(_data(), 1):
        yield Vocabulary(
            id=number, uri=row["uri"], prefix=row["prefix"], label=row["label"], comment=row["comment"]
        )


def properties() -> Iterator[Term]:
    """All properties; ids count on through the vocabularies."""
    return _terms("properties")


def classes() -> Iterator[Term]:
    """All resource classes; ids count on through the vocabularies."""
    return _terms("classes")


def _terms(kind: str) -> Iterator[Term]:
    number = 0
    for vocabulary, row in enumerate(_data(), 1):
        for name, label, comment in row[kind]:
            number += 1
            yield Term(
                id=number,
                vocabulary=vocabulary,
                local_name=name,
                label=label,
                comment=comment,
                term=f"{row['prefix']}:{name}",
                is_class=kind == "classes",
            )
