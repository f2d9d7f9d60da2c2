"""One instruction for the values of one name, with a comment that explains what was chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from worker.generating.choosing import Catalogue, Choice
from worker.generating.facts import Facts, facts_of, outside_brackets
from worker.generating.model import TargetModel
from worker.generating.naming import key_of, terms, word_set
from worker.generating.profile import Leaf
from worker.generating.value_types import typed
from worker.readers.base import shorten
from worker.records import Json

_LISTED = 0.2
"""From this share of cells with a separator on they are lists, whatever their name."""
SEVERAL = terms(
    "creator contributor subject spatial temporal coverage type format language rightsHolder identifier "
    "audience"
)
"""Properties that have several values as a matter of course: a separator in a single cell is one."""
_PROSE = terms("title description abstract tableOfContents provenance rights accessRights extent")
"""Properties in whose values a semicolon is punctuation."""
_PUBLIC = word_set(
    "public ispublic visible isvisible published ispublished offentlich oeffentlich publie publico pubblico "
    "openbaar"
)
_TRUTH = frozenset({"true", "false", "yes", "no"})
_MEDIA = (
    'Addresses of images. To import the images themselves, write instead: {"action": "new", '
    '"destination": "media"}, {"source": …, "destination": "media", "name": "url"} (if the target allows it).'
)


@dataclass(slots=True, eq=False)
class Field:
    """An instruction, and what was known when it was made: for the decisions about all of them together."""

    leaf: Leaf
    choice: Choice
    facts: Facts
    keys: dict[str, Json]
    """All but `name` and `comment`."""
    comments: list[str] = field(default_factory=list)
    name: str = ""

    def todo(self, *terms: str) -> None:
        self.name = todo(*terms)

    @property
    def decided(self) -> bool:
        return not self.name.startswith("TODO")

    def json(self) -> dict[str, Json]:
        made: dict[str, Json] = {"comment": " ".join(self.comments)} if self.comments else {}
        order = ("source", "expression", "name", "split", "brackets", "multivalue", "unique")
        keys: dict[str, Json] = {**self.keys, "name": self.name}
        for key in (*order, *keys):
            if key in keys:
                made[key] = keys[key]
        return made


def todo(*terms: str) -> str:
    """What a person must decide, with what it may be: `TODO: dcterms:date or dcterms:created?`."""
    known = [term for term in dict.fromkeys(terms) if term]
    return f"TODO: {' or '.join(known)}?" if known else "TODO"


def examples(facts: Facts) -> str:
    """`Values: “a”, “b”.` For a decision that needs them; of addresses one is enough."""
    few = facts.samples[:1] if facts.kind in ("address", "image") else facts.samples
    return f"Values: {', '.join(f'“{shorten(sample, 60)}”' for sample in few)}."


class FieldMaker:
    """Makes the fields of one sample."""

    def __init__(self, records: int, catalogue: Catalogue, model: TargetModel | None) -> None:
        self.records = records
        self.catalogue = catalogue
        self._model = model

    def facts(self, leaf: Leaf) -> Facts:
        node = leaf.node
        return facts_of(node.values, node.value_rows, self.records, node.booleans)

    def make(self, leaf: Leaf, choice: Choice | None = None, why: str = "") -> Field:
        """`choice`: what the name means, where its surroundings tell; else it is asked of the catalogue."""
        facts = self.facts(leaf)
        chosen = self.catalogue.choose(leaf.node.name.lstrip("@")) if choice is None else choice
        made = Field(leaf, chosen, facts, dict(leaf.address))
        if leaf.many:
            made.keys["multivalue"] = True
        if choice is None and self._beside_properties(made):
            return made
        self._name(made, why)
        values = self._split(made)
        if made.choice.language:
            made.keys["language"] = made.choice.language
        own = self.catalogue.property(chosen.term)
        kind = typed(values, facts, chosen.term if chosen.grade == "sure" else "", own, self._model)
        made.keys |= kind.keys
        if own is not None and own.language and not made.choice.language and made.keys.get("type") is None:
            made.keys["language"] = own.language
        if own is not None and own.private:
            made.keys["public"] = False
        made.comments += kind.comments
        made.comments += _notes(leaf, facts, self.records)
        return made

    def _beside_properties(self, made: Field) -> bool:
        """Visibility, and the item sets of the target by their titles."""
        facts, key = made.facts, key_of(made.leaf.node.name)
        values = {value.casefold() for value in made.leaf.node.values}
        if key in _PUBLIC and facts.kind == "boolean" and not made.leaf.many and values <= _TRUTH:
            made.name = "public"
            made.comments.append("Whether everybody sees the item.")
            return True
        titles = {one.title for one in self._model.item_sets} if self._model else set()
        if facts.kind == "text" and values and set(made.leaf.node.values) <= titles:
            made.name = "item-set"
            made.comments.append("These are titles of item sets of the target.")
            return True
        return False

    def _name(self, made: Field, why: str) -> None:
        choice, facts = made.choice, made.facts
        if any(node.unfit for node in made.leaf.path):
            made.todo(choice.term)
            made.comments.append("Some records have an object or a list of lists here, which is no value.")
        elif facts.kind == "image" and choice.why != "by its term":
            made.todo(self.catalogue.available("dcterms:references"))
            made.comments.append(examples(facts))
        elif choice.grade == "sure":
            made.name = choice.term
            if why:
                made.comments.append(why)
            elif not _is_plain(choice):
                made.comments.append(f"{choice.term} {choice.why}.")
        else:
            made.todo(*((choice.term, *choice.others) if choice.term else self._by_values(facts)))
            made.comments.append(examples(facts))
            if why:
                made.comments.append(why)
        if facts.kind == "image":
            made.comments.append(_MEDIA)

    def _by_values(self, facts: Facts) -> tuple[str, ...]:
        """What values of this kind may be, whatever they are called."""
        match facts.kind:
            case "date" | "iso-date":
                return self.catalogue.available("dcterms:date"), self.catalogue.available("dcterms:created")
            case "address":
                return (self.catalogue.available("dcterms:references"),)
            case _:
                return ()

    def _split(self, made: Field) -> list[str]:
        """Says how cells are cut, if they are, and gives the pieces."""
        values = list(made.leaf.node.values)
        separator = made.facts.separator
        if separator is None:
            return values
        having = sum(1 for value in values if separator in value)
        term = made.choice.term if made.choice.grade == "sure" else ""
        if term in _PROSE:
            return values
        if term not in SEVERAL and having < _LISTED * len(values):
            made.comments.append(
                f"“{separator.strip()}” stands in {having} of {len(values)}; they are kept whole."
            )
            return values
        made.keys |= {"split": separator, "brackets": True, "multivalue": True}
        said = f"{having} of {len(values)} have several values."
        if made.facts.in_brackets:
            said += f" “{separator.strip()}” in brackets separates nothing."
        made.comments.append(said)
        return [piece.strip() for value in values for piece in outside_brackets(value, separator)]


def _is_plain(choice: Choice) -> bool:
    """Whether the mapping explains itself."""
    return choice.why in ("by what it is called", "by its term", "by the name of the property") or (
        choice.why == "by its name in the template"
    )


def _notes(leaf: Leaf, facts: Facts, records: int) -> Iterator[str]:
    node = leaf.node
    if facts.constant is not None:
        yield f"The same in all {records} records that were looked at: “{shorten(facts.constant, 40)}”."
    attributes = [name for name in node.children if name.startswith("@")]
    if attributes and node.values:
        yield f"Its attributes are not mapped: {', '.join(attributes)}."
