"""Element sets and item types: what the texts of records are ordered by.

They are planned, written, verified and undone by the same code as records. Elements are only added: with an
element Omeka deletes every text of it. An element set cannot be changed otherwise: the API has no PUT for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import orjson

from worker.errors import Reject
from worker.planning.merge import Merge
from worker.planning.values import FIELD, NOTHING, Content, Current, Held, Meant, Named, Wish
from worker.records import Draft, Json, Kind, Problem, normal_identity
from worker.targets.base import Difference, Saved
from worker.targets.decoding import decode
from worker.targets.omeka_classic.client import ClassicClient, Entry, saved_of
from worker.targets.omeka_classic.elements import name_of
from worker.targets.omeka_classic.modelling import ITEM_TYPES
from worker.targets.omeka_classic.representation import PATHS, reference, saved_from, texts
from worker.targets.omeka_classic.vocabulary import Vocabulary, no_such_element, number_of, text_of

KINDS: tuple[Kind, ...] = ("element-set", "item-type")
STAY: Mapping[Kind, frozenset[str]] = {"element-set": frozenset({"elements"})}
"""Names that an undo of a change leaves: what was added to them may be in use."""


# --- reading --------------------------------------------------------------------------------------


async def everything(client: ClassicClient, kind: Kind) -> dict[int, Saved]:
    """All there are, each with its elements by name. Raises as reads do."""
    sets, elements = await client.all("element_sets"), await client.all("elements")
    entries = sets if kind == "element-set" else await client.all(PATHS[kind])
    names = {number_of(one): text_of(one, "name") for one in sets}
    listed = sorted(elements, key=_order)
    found = {}
    for entry in entries:
        if kind == "element-set":
            mine = [one for one in listed if reference(one, "element_set") == number_of(entry)]
        else:
            numbers = list(map(_id, _list(entry.get("elements"))))
            by_number = {number_of(one): one for one in listed}
            mine = [by_number[number] for number in numbers if number in by_number]
        shown: list[Json] = [{"id": number_of(one), "name": _shown(one, kind, names)} for one in mine]
        saved = saved_of({**entry, "elements": shown}, kind)
        found[saved.id] = saved
    return found


def _order(element: Entry) -> tuple[int, int]:
    order = element.get("order")
    return (order if isinstance(order, int) else 10**6, number_of(element))


def _shown(element: Entry, kind: Kind, names: Mapping[int, str]) -> str:
    """An element of a set by its name alone; of an item type too, where it is of the set that these have."""
    name, of = text_of(element, "name"), names.get(reference(element, "element_set") or 0, "")
    return name if kind == "element-set" or of == ITEM_TYPES else name_of(of, name)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _id(value: Json) -> int:
    return number_of(value) if isinstance(value, dict) else 0


async def in_use(client: ClassicClient, saved: Saved) -> str | None:
    """What would be lost with it, were it deleted; None: nothing. Raises as reads do."""
    if saved.kind == "item-type":
        items = saved.body.get("items")
        count = items.get("count") if isinstance(items, dict) else 0
        return f"There are items of this type ({count}): they would lose it." if count else None
    numbers = {_id(one) for one in _list(saved.body.get("elements"))}
    for kind in ("item", "item-set", "media"):
        async for page in client.pages(PATHS[kind]):
            for entry in page.entries:
                if any(one.element in numbers for one in texts(entry)):
                    name = f"{kind} {number_of(entry)}"
                    return f"There are records with texts of it, such as {name}: they would lose those."
    return None


# --- comparing ------------------------------------------------------------------------------------


def current_of(saved: Saved) -> Current:
    return Current(
        kind=saved.kind,
        id=saved.id,
        modified=saved.modified,
        properties={},
        fields={
            "description": tuple(Held(Content(FIELD, one)) for one in _text(saved.body)),
            "elements": tuple(Held(Content(FIELD, one)) for one in _names(saved.body)),
        },
    )


def _text(body: Mapping[str, Json]) -> list[str]:
    text = body.get("description")
    return [text] if isinstance(text, str) and text else []


def _names(body: Mapping[str, Json]) -> list[str]:
    return [text_of(one, "name") for one in _list(body.get("elements")) if isinstance(one, dict)]


def element_ids(saved: Saved) -> list[tuple[str, int]]:
    """Its elements by name and number."""
    return [
        (text_of(one, "name"), _id(one)) for one in _list(saved.body.get("elements")) if isinstance(one, dict)
    ]


def meant_of(draft: Draft, current: Current | None) -> Meant:
    """Elements that are there already count as meant. Raises `Reject`."""
    return Meant(fields=tuple(_named(draft, current)))


def _named(draft: Draft, current: Current | None) -> Iterator[Named]:
    own = draft.fields.own
    if "description" in own:
        said = own["description"]
        wishes = (Wish(Content(FIELD, said)),) if isinstance(said, str) and said else ()
        present = current.fields["description"] if current is not None else ()
        if (
            draft.kind == "element-set"
            and current is not None
            and [w.content for w in wishes] != [held.content for held in present]
        ):
            raise Reject(
                "content-stays",
                f"element-set {current.id} has another description in Omeka, and Omeka Classic's API cannot "
                "change that. Change it in Omeka, or leave description out.",
            )
        yield Named("description", wishes)
    if "elements" in own:
        there = [held.content.text or "" for held in current.fields["elements"]] if current else []
        yield Named("elements", tuple(Wish(Content(FIELD, one)) for one in _together(there, _said(draft))))


def _said(draft: Draft) -> list[str]:
    said = draft.fields.own.get("elements")
    given = said if isinstance(said, tuple) else (said,) if isinstance(said, str) else ()
    return [_bare(one.strip(), draft) for one in given if one.strip()]


def _bare(name: str, draft: Draft) -> str:
    """`Item Type Metadata:Text` of an item type is called `Text` here."""
    before, colon, after = name.partition(":")
    return after.strip() if colon and draft.kind == "item-type" and before.strip() == ITEM_TYPES else name


def _together(there: Sequence[str], said: Sequence[str]) -> list[str]:
    return list(dict.fromkeys((*there, *said)))


# --- what is sent ---------------------------------------------------------------------------------


def create_body(draft: Draft, vocabulary: Vocabulary) -> bytes:
    """Raises `Reject`."""
    assert draft.identity is not None, "it is known by its name"
    description = draft.fields.own.get("description")
    body: dict[str, Json] = {"name": draft.identity.values[0], "description": description or ""}  # type: ignore[dict-item]
    body["elements"] = _elements(draft.kind, _together((), _said(draft)), vocabulary)
    return orjson.dumps(body)


def _elements(kind: Kind, names: Sequence[str], vocabulary: Vocabulary) -> list[Json]:
    """Of a set the names, which are to be made; of an item type the numbers of what is there."""
    if kind == "element-set":
        return list(names)
    return [{"id": _number(name, vocabulary)} for name in names]


def _number(name: str, vocabulary: Vocabulary) -> int:
    full = name if ":" in name else f"{ITEM_TYPES}:{name}"
    found = vocabulary.element(full)
    if found is None and vocabulary.knows(full):
        return 0  # only while it is planned
    if found is None:
        raise Reject("names-unknown", no_such_element(full, vocabulary.elements))
    return found.id


def update_body(current: Current, merge: Merge, vocabulary: Vocabulary) -> bytes:
    """Raises `ValueError` where there is nothing to send, and `Reject`."""
    if not merge.changes:
        raise ValueError("a merge that changes nothing is not sent")
    body: dict[str, Json] = {}
    if "description" in merge.fields:
        body["description"] = next((one.content.text for one in merge.fields["description"]), "")
    if "elements" in merge.fields:
        names = [one.content.text or "" for one in merge.fields["elements"]]
        body["elements"] = _elements(current.kind, names, vocabulary)
    return orjson.dumps(body)


def restore_body(image: bytes, current: Saved) -> bytes | None:
    """The PUT that gives an item type its earlier state; None where it has that, and for an element set."""
    earlier = saved_from(decode(image), current.kind)
    body: dict[str, Json] = {}
    if current.kind == "item-type":
        if _text(earlier.body) != _text(current.body):
            body["description"] = next(iter(_text(earlier.body)), "")
        if _names(earlier.body) != _names(current.body):
            body["elements"] = [{"id": _id(one)} for one in _list(earlier.body.get("elements"))]
    return orjson.dumps(body) if body else None


# --- judging --------------------------------------------------------------------------------------


def differences(payload: bytes, saved: Saved) -> tuple[Difference, ...]:
    meant = decode(payload)
    assert isinstance(meant, dict), "a payload is an object"
    found = [
        Difference(key, str(meant[key]), str(saved.body.get(key) or NOTHING))
        for key in ("name", "description")
        if key in meant and (meant[key] or "") != (saved.body.get(key) or "")
    ]
    there = set(_names(saved.body)) | {_id(one) for one in _list(saved.body.get("elements"))}
    found.extend(
        Difference("elements", str(one), NOTHING)
        for one in _list(meant.get("elements"))
        if (one if isinstance(one, str) else _id(one)) not in there
    )
    return tuple(found)


def identities(saved: Saved, by: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    name = text_of(saved.body, "name")
    return ((normal_identity(name),),) if by == ("name",) and name else ()


def check(draft: Draft, vocabulary: Vocabulary) -> Iterator[Problem]:
    if draft.kind != "item-type":
        return
    for name in _said(draft):
        try:
            _number(name, vocabulary)
        except Reject as error:
            yield Problem("reject", error.code, error.message, value=name)


def brings(draft: Draft, vocabulary: Vocabulary) -> None:
    """Note what a new one, or what is added, will be called."""
    if draft.identity is None:
        return
    name = draft.identity.values[0]
    if draft.kind == "element-set":
        vocabulary.coming.terms.update(name_of(name, one) for one in _said(draft))
    else:
        vocabulary.coming.names.setdefault("item type", set()).add(normal_identity(name))
