"""Members of a vocabulary (its properties and classes) and of a resource template (its properties). Pure.

A list of members in a PATCH is the whole list: what stands in Omeka and is not sent, Omeka removes, for a
vocabulary with every value that uses it. So all that are there go back, each as it came, and a record only
adds, and changes those of a template that it names. A member of a vocabulary that has a number is only kept
by its entry, never changed (`VocabularyAdapter` of Omeka: existing ones are not updated).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import orjson
from msgspec import Struct

from worker.errors import Reject
from worker.records import Json
from worker.targets.omeka_s.representation import reference_ids
from worker.targets.omeka_s.vocabulary import Unknown, Vocabulary


class Member(Struct, frozen=True):
    """`key`: what it is known by among its siblings; `raw`: its JSON, as it came or as it is sent."""

    key: str
    text: str
    """In canonical form: what two are compared by."""
    raw: bytes
    shown: str


# --- of a vocabulary ------------------------------------------------------------------------------


def terms_in(entries: Json) -> list[Member]:
    """The terms in a list of a representation or a payload."""
    return [_term(entry) for entry in _objects(entries)]


def _term(entry: Mapping[str, Json]) -> Member:
    name, label = str(entry.get("o:local_name") or ""), entry.get("o:label")
    held = [name, label, entry.get("o:comment") or None]
    kept: dict[str, Json] = {"o:id": entry["o:id"]} if "o:id" in entry else dict(entry)
    return Member(name, orjson.dumps(held).decode(), orjson.dumps(kept), f"{name} “{label}”")


def terms_meant(said: Sequence[str], present: Sequence[Member]) -> list[Member]:
    """All that are there, and those that the record adds. Raises `Reject` for one that is there otherwise."""
    there = {one.key: one for one in present}
    added: dict[str, Member] = {}
    for text in said:
        given = _given(text)
        name = str(given["name"])
        if name not in there:
            label = given.get("label") or name
            entry: dict[str, Json] = {"o:local_name": name, "o:label": label}
            if given.get("comment"):
                entry["o:comment"] = given["comment"]
            added[name] = _term(entry)
            continue
        _, label, comment = orjson.loads(there[name].text)
        if given.get("label", label) != label or (given.get("comment") or comment) != comment:
            raise Reject(
                "member-differs",
                f"The term “{name}” has the label “{label}” and the comment “{comment or ''}” in Omeka, and "
                "Omeka does not change a term that is there through its vocabulary. Change it in Omeka, or "
                "leave label and comment out here.",
            )
    return [*present, *added.values()]


# --- of a template --------------------------------------------------------------------------------

_PROPERTY_KEYS: Mapping[str, str] = {
    "label": "o:alternate_label",
    "comment": "o:alternate_comment",
    "data-types": "o:data_type",
    "required": "o:is_required",
    "private": "o:is_private",
    "language": "o:default_lang",
}


def properties_in(entries: Json, vocabulary: Vocabulary) -> list[Member]:
    """The properties in a list of a representation or a payload."""
    return [_property(entry, vocabulary) for entry in _objects(entries)]


def _property(entry: Mapping[str, Json], vocabulary: Vocabulary) -> Member:
    numbers = reference_ids(entry.get("o:property"))
    number = numbers[0] if numbers else 0
    held = [number, *(_plain(entry.get(key)) for key in _PROPERTY_KEYS.values())]
    kept = {key: value for key, value in entry.items() if key != "o:property"}
    raw = orjson.dumps({"o:property": {"o:id": number}, **kept})
    return Member(str(number), orjson.dumps(held).decode(), raw, _shown(number, held, vocabulary))


def _plain(value: Json) -> Json:
    """What is absent and what is empty are the same."""
    return value or None


def _shown(number: int, held: Sequence[Json], vocabulary: Vocabulary) -> str:
    term = next((term for term, one in vocabulary.properties.items() if one == number), f"property {number}")
    label, types, required = held[1], held[3], held[4]
    parts = [term]
    if label:
        parts.append(f"“{label}”")
    if isinstance(types, list):
        parts.append("^^" + ",".join(map(str, types)))
    if required:
        parts.append("(required)")
    return " ".join(parts)


def properties_meant(said: Sequence[str], present: Sequence[Member], vocabulary: Vocabulary) -> list[Member]:
    """All that are there, those that the record names as it says, and what it adds. Raises `Reject`."""
    after = {one.key: one for one in present}
    for text in said:
        given = _given(text)
        number = _number(str(given["property"]), vocabulary)
        there = after.get(str(number))
        entry: dict[str, Json] = {"o:property": {"o:id": number}}
        if there is not None:
            entry = orjson.loads(there.raw)
        for key, of_omeka in _PROPERTY_KEYS.items():
            if key in given:
                entry[of_omeka] = _data_types(given[key], vocabulary) if key == "data-types" else given[key]
        after[str(number)] = _property(entry, vocabulary)
    return list(after.values())


def _number(term: str, vocabulary: Vocabulary) -> int:
    found = vocabulary.properties.get(term)
    if found is not None:
        return found
    if term in vocabulary.coming.terms:
        return 0  # only while it is planned: compared again once it is there
    raise Reject("names-unknown", f"There is no property “{term}” in this Omeka.")


def _data_types(names: Json, vocabulary: Vocabulary) -> list[Json]:
    found: list[Json] = []
    for name in names if isinstance(names, list) else ():
        known = vocabulary.data_type(str(name))
        if isinstance(known, Unknown):
            raise Reject("names-unknown", known.message)
        found.append(known)
    return found


# --- both -----------------------------------------------------------------------------------------


def _given(text: str) -> dict[str, Json]:
    given: dict[str, Json] = orjson.loads(text)
    return given


def _objects(entries: Json) -> Iterator[dict[str, Json]]:
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            yield entry


def not_kept(meant: Json, saved: Json, read: Callable[[Json], Iterable[Member]]) -> list[tuple[str, str]]:
    """(meant, saved) of members that a write meant and that are not so: those with a number by it, others by
    all they say. What is there beside them is no difference."""
    numbers = {entry["o:id"] for entry in _objects(saved) if "o:id" in entry}
    there = {one.key: one for one in read(saved)}
    found: list[tuple[str, str]] = []
    for entry in _objects(meant):
        if "o:id" in entry:
            if entry["o:id"] not in numbers:
                found.append((f"term {entry['o:id']}", ""))
            continue
        (one,) = read([entry])
        kept = there.get(one.key)
        if kept is None or kept.text != one.text:
            found.append((one.shown, kept.shown if kept is not None else ""))
    return found
