"""Instructions for the names of one context: flat columns, and objects and lists that nest in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from worker.generating.choosing import Choice
from worker.generating.fields import Field, FieldMaker, examples, todo
from worker.generating.naming import key_of, spoken, word_set, words_of
from worker.generating.profile import Leaf, Node, address, leaves
from worker.records import Json

WRAPPERS = word_set(
    "metadata dc oaidc record records data fields attributes properties item object document doc source mods "
    "header info details general basic core descriptivemetadata dublincore values content origininfo "
    "physicaldescription"
)
"""Names of objects that only hold others together: what they hold means what it says."""

_LABELS = (
    "#text name label title value text term preflabel preferredlabel displayname fullname namepart display "
    "heading caption topic @value olabel titel bezeichnung nom titre intitule nombre titulo naam nome titolo"
)
"""Names of the member of an object that stands for the whole, the better first."""
_LABEL_RANK = {key: rank for rank, key in enumerate(_LABELS.split())}


@dataclass(slots=True)
class Block:
    """A `within` or a `for-each`: instructions that are run inside something nested."""

    keys: dict[str, Json]
    comment: str
    inside: list[Entry] = field(default_factory=list)

    def json(self) -> dict[str, Json]:
        made: dict[str, Json] = {"comment": self.comment, **self.keys}
        made["instructions"] = [one.json() for one in self.inside]
        return made


Entry = Field | Block


def fields_of(entries: list[Entry]) -> list[Field]:
    """All of them, those in blocks as well, in the order of the file."""
    found: list[Field] = []
    for entry in entries:
        found += fields_of(entry.inside) if isinstance(entry, Block) else [entry]
    return found


def entries_of(context: Node, maker: FieldMaker, empty: list[str]) -> list[Entry]:
    """Instructions for all names below a context; names without any value go to `empty`."""
    made: list[Entry] = []
    for node in context.children.values():
        made += _entries(node, (), maker, empty)
    return made


def _entries(node: Node, above: tuple[Node, ...], maker: FieldMaker, empty: list[str]) -> list[Entry]:
    path = (*above, node)
    if node.empty:
        empty.append(Leaf(path).shown)
        return []
    if _is_text(node):
        return [maker.make(Leaf(path))]
    if _languages(node):
        return _by_language(path, maker)
    if key_of(node.name) in WRAPPERS and not node.many:
        made: list[Entry] = []
        for child in node.children.values():
            made += _entries(child, path, maker, empty)
        return made
    choice = maker.catalogue.choose(node.name)
    if choice.grade != "none" and (entry := _labelled(path, choice, maker)) is not None:
        return [entry]
    if choice.grade == "sure" and (block := _which(path, choice, maker)) is not None:
        return [block]
    return [_block(path, choice, maker, empty)]


# --- an object that stands for one value ------------------------------------------------------------


def _labelled(path: tuple[Node, ...], choice: Choice, maker: FieldMaker) -> Field | None:
    """The label of a nested object as the value of what the object is called; None where it has none."""
    found = [leaf for leaf in leaves(path[-1], path[:-1]) if leaf.node is not path[-1]]
    ranked = [(rank, leaf) for leaf in found if (rank := _rank(leaf)) is not None]
    if not ranked:
        return None
    best = min(rank for rank, _ in ranked)
    same = [leaf for rank, leaf in ranked if rank == best]
    tree = any(_repeats(leaf) for leaf in same)
    chosen = max(same, key=_depth) if tree else min(same, key=_depth)
    rest = [leaf for leaf in found if leaf is not chosen]
    why = f"The deepest names of a tree of {max(map(_depth, same)) - 1} levels." if tree else ""
    why = f"{why} {_not_mapped(rest)}".strip()
    made = maker.make(chosen, choice, why)
    if tree:
        made.keys["unique"] = True
    return made


def _not_mapped(rest: list[Leaf]) -> str:
    if not rest:
        return ""
    more = f" and {len(rest) - 8} more" if len(rest) > 8 else ""
    return f"Not mapped: {', '.join(leaf.shown for leaf in rest[:8])}{more}."


def _which(path: tuple[Node, ...], choice: Choice, maker: FieldMaker) -> Block | None:
    """What the object is for is plain, but not which member names it: a question; None without candidates."""
    node = path[-1]
    found = [leaf for child in node.children.values() if not child.nested for leaf in leaves(child)]
    texts = [leaf for leaf in found if maker.facts(leaf).kind == "text" and _free(leaf, maker)]
    most = max((maker.facts(leaf).distinct for leaf in texts), default=0)
    texts = [leaf for leaf in texts if 2 * maker.facts(leaf).distinct > most][:4]
    if not texts:
        return None
    one = maker.make(texts[0], choice)
    shown = ", ".join(f"{leaf.shown} (“{maker.facts(leaf).samples[0][:40]}”)" for leaf in texts)
    one.comments = [
        f"Which of them is it: {shown}?",
        _not_mapped([leaf for leaf in found if leaf not in texts]),
    ]
    one.comments = [said for said in one.comments if said]
    one.keys = {"source": todo(*(leaf.shown for leaf in texts))}
    if any(each.many for each in path):
        one.keys["multivalue"] = True
    return _opened(path, [one])


def _free(leaf: Leaf, maker: FieldMaker) -> bool:
    """Whether its own name does not say that it is something else."""
    return maker.catalogue.choose(leaf.node.name).grade != "sure"


def _rank(leaf: Leaf) -> int | None:
    if leaf.node.name in ("#text", "@value"):
        return 0
    whole = _LABEL_RANK.get(key_of(leaf.node.name))
    if whole is not None:
        return whole
    words = words_of(leaf.node.name)
    last = _LABEL_RANK.get(words[-1]) if words else None
    return None if last is None else last + len(_LABEL_RANK)


def _depth(leaf: Leaf) -> int:
    return len(leaf.path)


def _repeats(leaf: Leaf) -> bool:
    names = [node.name for node in leaf.path]
    return len(set(names)) < len(names)


# --- a text in several languages ---------------------------------------------------------------------


def _languages(node: Node) -> bool:
    """`{"en": …, "de": …}`, with a text for each."""
    named = len(node.children) > 0 and not node.texts and all(map(_language, node.children))
    return named and all(child.empty or _is_text(child) for child in node.children.values())


def _is_text(node: Node) -> bool:
    """Whether what stands here is a text, with attributes or without."""
    return not node.nested and bool(node.values or node.has_text_member)


def _language(name: str) -> str:
    return spoken(f"x@{name}").language if len(name) in (2, 5) else ""


def _by_language(path: tuple[Node, ...], maker: FieldMaker) -> list[Entry]:
    choice = maker.catalogue.choose(path[-1].name)
    made: list[Entry] = []
    for name, child in path[-1].children.items():
        if child.empty:
            continue
        one = maker.make(Leaf((*path, child)), choice)
        one.choice = msgspec.structs.replace(choice, language=_language(name))
        one.keys |= {"multivalue": True, "language": _language(name)}
        made.append(one)
    return made


# --- an object or a list whose parts are named one by one ---------------------------------------------


def _block(path: tuple[Node, ...], choice: Choice, maker: FieldMaker, empty: list[str]) -> Entry:
    node = path[-1]
    inside: list[Entry] = []
    nothing: list[str] = []
    for child in node.children.values():
        inside += _entries(child, (), maker, nothing)
    empty += [f"{Leaf(path).shown}.{name}" for name in nothing]
    many = any(each.many for each in path)
    for one in fields_of(inside):
        _within(one, choice, many)
    return _opened(path, inside)


def _opened(path: tuple[Node, ...], inside: list[Entry]) -> Block:
    node, shown = path[-1], Leaf(path).shown
    where: dict[str, Json] = {"source": node.name} if len(path) == 1 else {"expression": address(path)}
    for one in fields_of(inside) if any(each.unfit for each in path) else ():
        if one.decided:
            one.todo(one.name)
            one.comments.append(f"In some records {shown} is no object, and this would fail.")
    if any(each.many for each in path):
        said = f"Once for each of {shown} (at most {max(node.longest_list, 1)} in the records looked at)."
        return Block({"action": "for-each", **where}, said, inside)
    return Block({"action": "within", **where}, f"The parts of {shown}.", inside)


def _within(one: Field, outer: Choice, many: bool) -> None:
    """A name inside of something else is sure only if it says by itself what it belongs to."""
    if many:
        one.keys["multivalue"] = True
    if one.choice.grade == "sure" and one.choice.why == "by its term":
        return
    if one.decided:
        one.todo(one.choice.term, outer.term)
        one.comments.insert(0, examples(one.facts))
    elif outer.term:
        one.todo(one.choice.term, outer.term)
