"""What can only be decided about all fields together: who gets a name that several want, what is missing."""

from __future__ import annotations

from worker.generating.choosing import Catalogue
from worker.generating.fields import Field, todo
from worker.generating.model import TargetTemplate
from worker.generating.naming import key_of
from worker.records import Json

_ONE = {
    "dcterms:title": "dcterms:alternative",
    "dcterms:date": "dcterms:temporal",
    "dcterms:created": "dcterms:date",
    "dcterms:issued": "dcterms:date",
    "dcterms:modified": "",
}
"""Properties that seldom have several values, and what the others that want one may be."""


def share_out(fields: list[Field], catalogue: Catalogue) -> None:
    """Several fields of one name all append; of a title or a date the best gets it, the others ask."""
    by_name: dict[str, list[Field]] = {}
    for one in fields:
        if one.decided and one.name not in ("public", "item-set"):
            by_name.setdefault(one.name, []).append(one)
    for name, wanting in by_name.items():
        kept = _best_of(name, wanting) if name in _ONE else wanting
        for one in wanting:
            if one not in kept:
                one.todo(catalogue.available(_ONE[name]), name)
                one.comments.append(f"{kept[0].leaf.shown} is {name} already.")
            elif len(kept) > 1:
                one.keys["multivalue"] = True
    sets = [one for one in fields if one.name == "item-set"]
    for one in sets if len(sets) > 1 else ():
        one.keys["multivalue"] = True
    for one in [one for one in fields if one.name == "public"][1:]:
        one.todo("public")


def _best_of(name: str, wanting: list[Field]) -> list[Field]:
    """The fittest field of each language, the fittest of all first."""
    best: dict[str, Field] = {}
    for one in wanting:
        language = one.choice.language
        if language not in best or _fitness(one, name) > _fitness(best[language], name):
            best[language] = one
    return sorted(best.values(), key=lambda one: _fitness(one, name), reverse=True)


def _fitness(one: Field, name: str) -> tuple[bool, int, float]:
    return (
        key_of(one.leaf.node.name) == key_of(name.rpartition(":")[2]),
        -len(one.leaf.path),
        one.facts.share,
    )


def missing_title(fields: list[Field], catalogue: Catalogue) -> list[Json]:
    """A resource without a title is “[Untitled]” in Omeka: so somebody must say what its title is."""
    title = catalogue.available("dcterms:title")
    if not title or any(title in one.name for one in fields):
        return []
    said = "No column is called a title; Omeka shows resources without one as “[Untitled]”."
    return [{"comment": said, "source": todo(), "name": title}]


def missing_of_template(
    fields: list[Field], template: TargetTemplate, catalogue: Catalogue
) -> tuple[list[Json], list[str]]:
    """Instructions for what the template requires and no column fits; labels of what else it has."""
    required: list[Json] = []
    optional: list[str] = []
    for own in template.properties:
        if any(own.term == one.name or (not one.decided and own.term in one.name) for one in fields):
            continue
        label = own.label or catalogue.labels.get(own.term, own.term)
        if own.required:
            said = f"The template requires “{label}”, and no column is called so."
            required.append({"comment": said, "source": todo(), "name": own.term})
        else:
            optional.append(label)
    return required, optional


def template_alone(template: TargetTemplate, catalogue: Catalogue) -> list[Json]:
    """An instruction for each property, whose column a person names."""
    made: list[Json] = []
    for own in template.properties:
        label = own.label or catalogue.labels.get(own.term, own.term)
        one: dict[str, Json] = {}
        said = [text for text in ("Required." if own.required else "", own.comment) if text]
        if len(own.data_types) > 1:
            said.append(f"Allowed types: {', '.join(own.data_types)}.")
        if said:
            one["comment"] = " ".join(said)
        one |= {"source": f"TODO: the column of “{label}”", "name": own.term}
        if any(other is not own and other.term == own.term for other in template.properties):
            one["multivalue"] = True
        if own.private:
            one["public"] = False
        first = own.data_types[0] if own.data_types else "literal"
        if first.startswith("resource"):
            one["type"] = "TODO: resource with a link?"
        elif first != "literal":
            one["type"] = first
        if own.language and first == "literal":
            one["language"] = own.language
        made.append(one)
    return made
