"""Element sets and item types: what the texts of records are ordered by.

They are planned, written, verified and undone by the same code as records. Elements are only added: with an
element Omeka deletes every text of it, so an undo alone takes one away, and only one that nothing uses. An
element set cannot be changed otherwise: the API has no PUT for it (`004`). Of an element it takes another
place and another comment, and no other description.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import orjson
from msgspec import Struct, convert

from worker.errors import Reject
from worker.planning.values import FIELD, Content, Current, Held, Meant, Named, Wish
from worker.records import Draft, Json, Kind, OnUpdate, Problem, normal_identity
from worker.targets.base import Saved
from worker.targets.decoding import decode
from worker.targets.omeka_classic.client import ClassicClient, Entry, saved_of
from worker.targets.omeka_classic.elements import name_of
from worker.targets.omeka_classic.modelling import ITEM_TYPES
from worker.targets.omeka_classic.representation import PATHS, reference, texts
from worker.targets.omeka_classic.vocabulary import Vocabulary, no_such_element, number_of, text_of

KINDS: tuple[Kind, ...] = ("element-set", "item-type")
CHANGEABLE = ("comment", "order")
"""What can be changed of an element that is there."""
ORDER = "order of elements"
"""Name of the place that the elements of an item type have among each other."""


class Member(Struct, frozen=True):
    """An element as a record means it. Of an item type the name alone. None: it does not say."""

    name: str
    description: str | None = None
    comment: str | None = None
    order: int | None = None

    @property
    def body(self) -> dict[str, Json]:
        """What is said of it, as the API takes it."""
        said: dict[str, Json] = {
            "description": self.description,
            "comment": self.comment,
            "order": self.order,
        }
        return {"name": self.name, **{key: value for key, value in said.items() if value is not None}}


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
            numbers = list(map(id_of, listed_in(entry.get("elements"))))
            by_number = {number_of(one): one for one in listed}
            mine = [by_number[number] for number in numbers if number in by_number]
        shown: list[Json] = [
            {"id": number_of(one), "name": _shown(one, kind, names), **_details(one, kind)} for one in mine
        ]
        saved = saved_of({**entry, "elements": shown}, kind)
        found[saved.id] = saved
    return found


def _details(element: Entry, kind: Kind) -> dict[str, Json]:
    if kind != "element-set":
        return {}
    return {key: element.get(key) for key in ("description", "comment", "order")}


def _order(element: Entry) -> tuple[int, int]:
    order = element.get("order")
    return (order if isinstance(order, int) else 10**6, number_of(element))


def _shown(element: Entry, kind: Kind, names: Mapping[int, str]) -> str:
    """An element of a set by its name alone; of an item type too, where it is of the set that these have."""
    name, of = text_of(element, "name"), names.get(reference(element, "element_set") or 0, "")
    return name if kind == "element-set" or of == ITEM_TYPES else name_of(of, name)


def listed_in(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def id_of(value: Json) -> int:
    return number_of(value) if isinstance(value, dict) else 0


async def in_use(client: ClassicClient, saved: Saved) -> str | None:
    """What would be lost with it, were it deleted; None: nothing. Raises as reads do."""
    if saved.kind == "item-type":
        items = saved.body.get("items")
        count = items.get("count") if isinstance(items, dict) else 0
        return f"There are items of this type ({count}): they would lose it." if count else None
    used = await users_of(client, {number for _, number in element_ids(saved)}, first=True)
    for name in used.values():
        return f"Its elements are used, such as by {name}: that would be lost."
    return None


async def users_of(
    client: ClassicClient, elements: Collection[int], *, first: bool = False
) -> dict[int, str]:
    """Which of these elements something uses, with one of those that do. `first`: one is enough."""
    found: dict[int, str] = {}
    if not elements:
        return found
    for entry in await client.all(PATHS["item-type"]):
        for number in map(id_of, listed_in(entry.get("elements"))):
            if number in elements:
                found.setdefault(number, f"item type “{text_of(entry, 'name')}”")
    for kind in ("item", "item-set", "media"):
        if found and (first or found.keys() == set(elements)):
            break
        async for page in client.pages(PATHS[kind]):
            for entry in page.entries:
                for one in texts(entry):
                    if one.element in elements:
                        found.setdefault(one.element, f"{kind} {number_of(entry)}")
    return found


# --- comparing ------------------------------------------------------------------------------------


def current_of(saved: Saved) -> Current:
    fields = {
        "description": tuple(Held(Content(FIELD, one)) for one in described(saved.body)),
        "elements": tuple(Held(Content(FIELD, one)) for one in names_of(saved.body)),
    }
    if saved.kind == "item-type":
        fields[ORDER] = _sequence(names_of(saved.body))
    else:
        for name, element in elements_of(saved.body).items():
            for key in CHANGEABLE:
                fields[detail(name, key)] = _held_detail(element.get(key))
    return Current(kind=saved.kind, id=saved.id, modified=saved.modified, properties={}, fields=fields)


def detail(name: str, key: str) -> str:
    """What a report calls the comment, or the place, of an element."""
    return f"{name} ({key})"


def _held_detail(value: Json) -> tuple[Held, ...]:
    return () if value in (None, "") else (Held(Content(FIELD, str(value))),)


def _sequence(names: Sequence[str]) -> tuple[Held, ...]:
    text = orjson.dumps(list(names)).decode()
    return (Held(Content(FIELD, text), display=", ".join(names)),) if names else ()


def described(body: Mapping[str, Json]) -> list[str]:
    text = body.get("description")
    return [text] if isinstance(text, str) and text else []


def elements_of(body: Mapping[str, Json]) -> dict[str, Mapping[str, Json]]:
    return {text_of(one, "name"): one for one in listed_in(body.get("elements")) if isinstance(one, dict)}


def names_of(body: Mapping[str, Json]) -> list[str]:
    return list(elements_of(body))


def element_ids(saved: Saved) -> list[tuple[str, int]]:
    """Its elements by name and number."""
    return [(name, id_of(one)) for name, one in elements_of(saved.body).items()]  # type: ignore[arg-type]


def elements_by_name(saved: Saved) -> Mapping[str, Mapping[str, Json]]:
    """Its elements as they are."""
    return elements_of(saved.body)


def meant_of(draft: Draft, current: Current | None) -> Meant:
    """Elements that are there already count as meant."""
    return Meant(fields=tuple(_named(draft, current)))


def _named(draft: Draft, current: Current | None) -> Iterator[Named]:
    own = draft.fields.own
    changeable = draft.kind == "item-type" or current is None
    if "description" in own and changeable:  # what cannot be changed `check` has told
        said = own["description"]
        wishes = (Wish(Content(FIELD, said)),) if isinstance(said, str) and said else ()
        yield Named("description", wishes, _policy(draft, "description"))
    if "elements" not in own:
        return
    members = said_in(draft)
    there = [held.content.text or "" for held in current.fields["elements"]] if current else []
    names = together(there, [one.name for one in members])
    bodies = {one.name: orjson.dumps(one.body) for one in members}
    yield Named("elements", tuple(Wish(Content(FIELD, one), raw=bodies.get(one, b"")) for one in names))
    if current is None or _policy(draft, "elements") != "replace":
        return
    if draft.kind == "item-type":
        ordered = together([one.name for one in members], there)
        yield Named(ORDER, tuple(Wish(held.content, display=held.display) for held in _sequence(ordered)))
        return
    for one in members:
        for key, value in (("comment", one.comment), ("order", one.order)):
            if value is not None and one.name in there:
                wished = tuple(Wish(held.content) for held in _held_detail(value))
                yield Named(detail(one.name, key), wished)


def _policy(draft: Draft, name: str) -> OnUpdate:
    return draft.fields.on_update.get(name, "replace")


def said_in(draft: Draft) -> list[Member]:
    """The elements that a record names, each once."""
    said = draft.fields.own.get("elements")
    given = said if isinstance(said, tuple) else (said,) if isinstance(said, str) else ()
    found: dict[str, Member] = {}
    for one in given:
        member = _member(one.strip(), draft)
        if member.name:
            found.setdefault(member.name, member)
    return list(found.values())


def _member(text: str, draft: Draft) -> Member:
    """`Item Type Metadata:Text` of an item type is called `Text` here."""
    if draft.kind == "element-set" and text.startswith("{"):
        return convert(decode(text.encode()), Member)
    before, colon, after = text.partition(":")
    if colon and draft.kind == "item-type" and before.strip() == ITEM_TYPES:
        return Member(after.strip())
    return Member(text)


def together(there: Sequence[str], said: Sequence[str]) -> list[str]:
    return list(dict.fromkeys((*there, *said)))


# --- judging -------------------------------------------------------------------------------------


def identities(saved: Saved, by: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    name = text_of(saved.body, "name")
    return ((normal_identity(name),),) if by == ("name",) and name else ()


def check(draft: Draft, vocabulary: Vocabulary) -> Iterator[Problem]:
    if draft.kind == "element-set":
        yield from _staying(draft, vocabulary)
        return
    for one in said_in(draft):
        try:
            element_number(one.name, vocabulary)
        except Reject as error:
            yield Problem("reject", error.code, error.message, value=one.name)


def _staying(draft: Draft, vocabulary: Vocabulary) -> Iterator[Problem]:
    """What is described otherwise in Omeka, and cannot be changed there by the API."""
    if draft.identity is None:
        return
    name, own = draft.identity.values[0], draft.fields.own
    there = vocabulary.set_descriptions.get(normal_identity(name))
    if there is None:
        return
    said = own.get("description")
    other = []
    if "description" in own and _policy(draft, "description") == "replace" and (said or "") != there:
        other.append(f"element set {name}")
    if _policy(draft, "elements") == "replace":
        for one in said_in(draft):
            element = vocabulary.element(name_of(name, one.name))
            if element is not None and one.description is not None and one.description != element.description:
                other.append(f"element {one.name}")
    if other:
        text = (
            f"Described otherwise in Omeka, whose API cannot change that: {', '.join(other)}. Change it in "
            "Omeka where it matters."
        )
        yield Problem("warning", "description-stays", text, value=name)


def element_number(name: str, vocabulary: Vocabulary) -> int:
    full = name if ":" in name else f"{ITEM_TYPES}:{name}"
    found = vocabulary.element(full)
    if found is None and vocabulary.knows(full):
        return 0  # only while it is planned
    if found is None:
        raise Reject("names-unknown", no_such_element(full, vocabulary.elements))
    return found.id


def brings(draft: Draft, vocabulary: Vocabulary) -> None:
    """Note what a new one, or what is added, will be called."""
    if draft.identity is None:
        return
    name = draft.identity.values[0]
    if draft.kind == "element-set":
        vocabulary.coming.terms.update(name_of(name, one.name) for one in said_in(draft))
    else:
        vocabulary.coming.names.setdefault("item type", set()).add(normal_identity(name))
