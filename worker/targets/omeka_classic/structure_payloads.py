"""What is sent of element sets and item types, and whether it came to be. Pure.

The elements of a set are requests of their own, so a payload says them as objects with a name; those of an
item type are elements that there are, so it says their numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import orjson

from worker.planning.merge import Merge
from worker.planning.values import NOTHING, Current
from worker.records import Draft, Json
from worker.targets.base import Difference, Saved
from worker.targets.decoding import decode
from worker.targets.omeka_classic.representation import saved_from
from worker.targets.omeka_classic.structure import (
    CHANGEABLE,
    ORDER,
    described,
    detail,
    element_number,
    elements_of,
    id_of,
    listed_in,
    names_of,
    said_in,
    together,
)
from worker.targets.omeka_classic.vocabulary import Vocabulary, number_of, text_of

WITHOUT = "without"
"""Key, in a payload, of the elements of a set that are to go: numbers and names."""


def create_body(draft: Draft, vocabulary: Vocabulary) -> bytes:
    """Raises `Reject`."""
    assert draft.identity is not None, "it is known by its name"
    description = draft.fields.own.get("description")
    body: dict[str, Json] = {"name": draft.identity.values[0], "description": description or ""}  # type: ignore[dict-item]
    members = said_in(draft)
    if draft.kind == "element-set":
        body["elements"] = [one.body for one in members]
    else:
        body["elements"] = _references([one.name for one in members], vocabulary)
    return orjson.dumps(body)


def _references(names: Sequence[str], vocabulary: Vocabulary) -> list[Json]:
    """Elements of an item type, which are there."""
    return [{"id": element_number(name, vocabulary)} for name in names]


def update_body(current: Current, merge: Merge, vocabulary: Vocabulary) -> bytes:
    """Raises `ValueError` where there is nothing to send, and `Reject`."""
    if not merge.changes:
        raise ValueError("a merge that changes nothing is not sent")
    body: dict[str, Json] = {}
    if "description" in merge.fields:
        body["description"] = next((one.content.text for one in merge.fields["description"]), "")
    if current.kind == "element-set":
        if changed := _changed_elements(current, merge):
            body["elements"] = changed
        return orjson.dumps(body)
    added = [one.content.text or "" for one in merge.fields.get("elements", ())]
    ordered = [one.content.text or "[]" for one in merge.fields.get(ORDER, ())]
    if added or ordered:
        listed = orjson.loads(ordered[0]) if ordered else []
        body["elements"] = _references(together(listed, added), vocabulary)
    return orjson.dumps(body)


def _changed_elements(current: Current, merge: Merge) -> list[Json]:
    """Those that are new, and of those that are there what is to be changed."""
    there = {held.content.text or "" for held in current.fields["elements"]}
    found: list[Json] = [
        orjson.loads(one.raw) if one.raw else {"name": one.content.text}
        for one in merge.fields.get("elements", ())
        if one.content.text not in there
    ]
    for name in sorted(there):
        changed: dict[str, Json] = {}
        for key in CHANGEABLE:
            if detail(name, key) in merge.fields:
                text = next((one.content.text or "" for one in merge.fields[detail(name, key)]), "")
                changed[key] = int(text) if key == "order" else text
        if changed:
            found.append({"name": name, **changed})
    return found


def restore_body(image: bytes, current: Saved) -> bytes | None:
    """The PUT that gives it its earlier state; None where it has that, as far as the API can give it."""
    earlier = saved_from(decode(image), current.kind)
    body: dict[str, Json] = {}
    if current.kind == "element-set":
        then, now = elements_of(earlier.body), elements_of(current.body)
        gone: list[Json] = [
            {"id": number_of(one), "name": name} for name, one in now.items() if name not in then
        ]
        if gone:
            body[WITHOUT] = gone
        changed: list[Json] = []
        for name in sorted(then.keys() & now.keys()):
            back = {key: then[name].get(key) for key in CHANGEABLE if then[name].get(key) is not None}
            back = {key: value for key, value in back.items() if value != now[name].get(key)}
            if back:
                changed.append({"name": name, **back})
        if changed:
            body["elements"] = changed
        return orjson.dumps(body) if body else None
    if described(earlier.body) != described(current.body):
        body["description"] = next(iter(described(earlier.body)), "")
    if names_of(earlier.body) != names_of(current.body):
        body["elements"] = [{"id": id_of(one)} for one in listed_in(earlier.body.get("elements"))]
    return orjson.dumps(body) if body else None


def half_done(payload: bytes, before: Saved, present: Saved) -> bool:
    """Whether some of the requests of a change made `present` of `before`, an element set: each element is as
    it was or as it was meant, and there are those that were there, or are to come."""
    if present.kind != "element-set" or _plain(before) != _plain(present):
        return False
    meant = decode(payload)
    assert isinstance(meant, dict), "a payload is an object"
    wanted = _by_name(meant.get("elements"))
    then, now = elements_of(before.body), elements_of(present.body)
    if not then.keys() - now.keys() <= _by_name(meant.get(WITHOUT)).keys():
        return False
    return all(
        name in wanted if name not in then else _between(then[name], wanted.get(name, {}), element)
        for name, element in now.items()
    )


def _plain(element_set: Saved) -> Mapping[str, Json]:
    return {key: value for key, value in element_set.body.items() if key != "elements"}


def _by_name(elements: Json) -> dict[str, Mapping[str, Json]]:
    return {text_of(one, "name"): one for one in listed_in(elements) if isinstance(one, dict)}


def _between(then: Mapping[str, Json], wanted: Mapping[str, Json], now: Mapping[str, Json]) -> bool:
    return all(now.get(key) in (then.get(key), wanted.get(key, then.get(key))) for key in CHANGEABLE)


def differences(payload: bytes, saved: Saved) -> tuple[Difference, ...]:
    meant = decode(payload)
    assert isinstance(meant, dict), "a payload is an object"
    found = [
        Difference(key, str(meant[key]), str(saved.body.get(key) or NOTHING))
        for key in ("name", "description")
        if key in meant and (meant[key] or "") != (saved.body.get(key) or "")
    ]
    if saved.kind == "item-type":
        if "elements" in meant:
            wanted = [id_of(one) for one in listed_in(meant["elements"])]
            there = [id_of(one) for one in listed_in(saved.body.get("elements"))]
            if wanted != there:
                found.append(Difference("elements", str(wanted), str(there)))
        return tuple(found)
    elements = elements_of(saved.body)
    for one in listed_in(meant.get("elements")):
        assert isinstance(one, dict), "an element that is to be written is an object"
        found.extend(_other_element(one, elements.get(text_of(one, "name"))))
    found.extend(
        Difference("elements", NOTHING, text_of(one, "name"))
        for one in listed_in(meant.get(WITHOUT))
        if isinstance(one, dict) and text_of(one, "name") in elements
    )
    return tuple(found)


def _other_element(meant: Mapping[str, Json], there: Mapping[str, Json] | None) -> Iterator[Difference]:
    name = text_of(meant, "name")
    if there is None:
        yield Difference("elements", name, NOTHING)
        return
    for key in ("description", *CHANGEABLE):
        if key in meant and (meant[key] or "") != (there.get(key) or ""):
            yield Difference(detail(name, key), str(meant[key]), str(there.get(key) or NOTHING))
