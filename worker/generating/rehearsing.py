"""The generated file, run over the sample: what is not TODO must work."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from service.control.parse import parse_control
from worker.errors import Fatal
from worker.generating.model import TargetModel
from worker.mapping.compiler import compile_control
from worker.mapping.lookups import CustomVocabulary
from worker.readers.base import count
from worker.records import Json, Row


class ModelLookups:
    """The custom vocabularies of a target model, as mapping asks for them."""

    def __init__(self, model: TargetModel | None) -> None:
        self._model = model

    def custom_vocabulary(self, label: str) -> CustomVocabulary | None:
        for one in self._model.custom_vocabularies if self._model else ():
            if label in (str(one.id), one.label):
                if one.uris:
                    return CustomVocabulary(one.label, "uri", uris=dict.fromkeys(one.uris, ""))
                return CustomVocabulary(
                    one.label, "literal" if one.terms else "unlisted", frozenset(one.terms)
                )
        return CustomVocabulary(label, "unlisted")


def has_todo(value: Json) -> bool:
    """Whether anything in it is still to be decided."""
    match value:
        case str():
            return value.lstrip().startswith("TODO")
        case list():
            return any(map(has_todo, value))
        case dict():
            return any(key.startswith("TODO") or has_todo(member) for key, member in value.items())
        case _:
            return False


def settled(instructions: Sequence[Json]) -> list[Json]:
    """The instructions without those in which something is still to be decided."""
    kept: list[Json] = []
    for one in instructions:
        if isinstance(one, dict) and isinstance(inside := one.get("instructions"), list):
            rest = settled(inside)
            around = {key: value for key, value in one.items() if key != "instructions"}
            if rest and not has_todo(around):
                kept.append({**one, "instructions": rest})
        elif not has_todo(one):
            kept.append(one)
    return kept


def rehearse(control: dict[str, Json], rows: Sequence[Row], model: TargetModel | None) -> tuple[str, ...]:
    """Sentences about what would go wrong with the sampled rows; nothing, if nothing would."""
    listed = control["instructions"]
    ready: dict[str, Json] = {
        key: value for key, value in control.items() if key != "match" or not has_todo(value)
    }
    ready["instructions"] = settled(listed if isinstance(listed, list) else [])
    parsed = parse_control(msgspec.json.encode(ready))
    if parsed.control is None:
        return tuple(problem.message for problem in parsed.problems)
    try:
        mapper = compile_control(parsed.control, parsed.control.files[0], ModelLookups(model))
    except Fatal as fatal:
        return (fatal.message,)
    rejected = [mapped for row in rows if (mapped := mapper.map(row)).rejected]
    if not rejected:
        return ()
    first = next(problem for problem in rejected[0].problems if problem.severity != "warning")
    said = f"{count(len(rejected), 'record')} of {len(rows)} would be rejected"
    return (f"{said}, the first is {rejected[0].row}: {first.message}",)
