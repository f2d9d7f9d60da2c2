"""From a column's name to a property: of the template, of Dublin Core, of the target's other vocabularies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from service.control.suggest import nearest
from service.control.words import DCTERMS
from worker.errors import Fatal
from worker.generating.model import TargetModel, TargetTemplate, TemplateProperty
from worker.generating.naming import key_of, perhaps_keys, singulars, spoken, sure_keys
from worker.generating.synonyms import BROADER, perhaps_index, sure_index
from worker.readers.base import quoted_list

Grade = Literal["sure", "perhaps", "none"]

_WRITTEN_OUT = re.compile(
    r"(?P<prefix>[A-Za-z][A-Za-z0-9 ]*?)\s*[:._]\s*(?P<local>[A-Za-z][A-Za-z ]*?)"
    r"(?:[._:](?P<refined>[A-Za-z]+))?"
)
_DUBLIN_CORE = frozenset({"dc", "dcterms", "dcterm", "dublincore", "dct", "oaidc"})
_LOCAL = {key_of(local): local for local in DCTERMS}
_REFINED = {
    "author": "creator",
    "editor": "contributor",
    "advisor": "contributor",
    "illustrator": "contributor",
    "uri": "identifier",
    "ispartofseries": "isPartOf",
    "mimetype": "format",
    "iso": "language",
    "citation": "bibliographicCitation",
    "holder": "rightsHolder",
}
"""Refinements of repositories that are no terms of Dublin Core: `dc.contributor.author`."""


class Choice(Struct, frozen=True):
    """What a name means. `term` is empty exactly when `grade` is "none"; `why` follows the term."""

    grade: Grade
    term: str = ""
    why: str = ""
    language: str = ""
    others: tuple[str, ...] = ()
    """Other properties of the same name."""


NOTHING = Choice("none")


class Catalogue:
    """The properties that there are to choose from.

    Without a model those of Dublin Core, which every Omeka S has. The template's own names come first, and
    what people call a property of Dublin Core counts more than what another vocabulary calls one.
    """

    def __init__(self, model: TargetModel | None, template: TargetTemplate | None) -> None:
        self.labels: dict[str, str] = {}
        self._by_name: dict[str, list[str]] = {}
        for vocabulary in model.vocabularies if model else ():
            for one in vocabulary.properties:
                self.labels.setdefault(one.term, one.label)
                for name in (one.label, one.term.rpartition(":")[2]):
                    terms = self._by_name.setdefault(key_of(name), [])
                    if one.term not in terms:
                        terms.append(one.term)
        if not self.labels:
            self.labels = {f"dcterms:{local}": local for local in sorted(DCTERMS)}
            self._by_name = {key_of(local): [f"dcterms:{local}"] for local in sorted(DCTERMS)}
        self.template = {one.term: one for one in template.properties} if template else {}
        self._by_template: dict[str, str] = {}
        for own in self.template.values():
            for name in (own.label, self.labels.get(own.term, ""), own.term.rpartition(":")[2]):
                if name:
                    self._by_template.setdefault(key_of(name), own.term)

    def available(self, term: str) -> str:
        """The term, or the one that it refines where the target does not have it; empty without either."""
        if term in self.labels or term in self.template:
            return term
        broader = f"dcterms:{BROADER.get(term.rpartition(':')[2], '')}"
        return broader if broader in self.labels else ""

    def property(self, term: str) -> TemplateProperty | None:
        return self.template.get(term)

    def choose(self, name: str) -> Choice:
        """What a name means, by itself."""
        written = self._written_out(name)
        if written is not None:
            return written
        bare = spoken(name)
        if bare.language and (found := self._sure(bare.name, bare.language)) is not None:
            return found
        if (found := self._sure(name, "")) is not None:
            return found
        return self._perhaps(bare.name)

    # --- sure -----------------------------------------------------------------------------------

    def _sure(self, name: str, language: str) -> Choice | None:
        keys = list(sure_keys(name))
        for key in keys:
            if term := self._by_template.get(key):
                return Choice("sure", term, "by its name in the template", language)
        for key in keys:
            meant = sure_index().get(key)
            if meant is not None and (term := self.available(meant)):
                return self._of_template(term, language)
        for key in keys:
            terms = self._by_name.get(key, [])
            if terms:
                grade: Grade = "sure" if len(terms) == 1 or terms[0].startswith("dcterms:") else "perhaps"
                return Choice(grade, terms[0], "by the name of the property", language, tuple(terms[1:4]))
        return None

    def _of_template(self, term: str, language: str) -> Choice:
        """A template may have a near relative of what the name means: that is a question."""
        if not self.template or term in self.template:
            return Choice("sure", term, "by what it is called", language)
        local = term.rpartition(":")[2]
        family = {f"dcterms:{narrow}" for narrow, broad in BROADER.items() if broad == local}
        family.add(f"dcterms:{BROADER.get(local, '')}")
        near = [own for own in self.template if own in family]
        if near:
            return Choice("perhaps", near[0], f"the template has no {term}", language, (*near[1:3], term))
        return Choice("sure", term, "by what it is called; the template does not have it", language)

    def _written_out(self, name: str) -> Choice | None:
        """`dcterms:title`, `Dublin Core:Title`, `dc.contributor.author[en]`, `foaf:name`."""
        if name in self.labels or name in self.template:
            return Choice("sure", name, "by its term")
        bare = spoken(name) if name.endswith(("]", ")")) or "@" in name else None
        plain = bare.name if bare else name
        language = bare.language if bare else ""
        match = _WRITTEN_OUT.fullmatch(plain)
        if match is None or key_of(match["prefix"]) not in _DUBLIN_CORE:
            return Choice("sure", plain, "by its term", language) if plain in self.labels else None
        refined = key_of(match["refined"] or "")
        local = _LOCAL.get(refined) or _REFINED.get(refined) or _LOCAL.get(key_of(match["local"]))
        term = self.available(f"dcterms:{local}") if local else ""
        if not term:
            return None
        if refined and refined not in _LOCAL and refined not in _REFINED:
            return Choice("perhaps", term, f"{match['refined']} is no term of Dublin Core", language)
        return Choice("sure", term, "by its term", language)

    # --- perhaps --------------------------------------------------------------------------------

    def _perhaps(self, name: str) -> Choice:
        for key in self._perhaps_keys(name):
            if term := self._by_template.get(key):
                return Choice("perhaps", term, "part of its name is in the template")
            meant = perhaps_index().get(key)
            if meant is not None and (term := self.available(meant)):
                return Choice("perhaps", term, "by part of its name")
            if terms := self._by_name.get(key):
                return Choice("perhaps", terms[0], "by part of its name", others=tuple(terms[1:3]))
        return NOTHING

    def _perhaps_keys(self, name: str) -> Iterator[str]:
        yield from singulars(key_of(name))
        yield from sure_keys(name)
        yield from perhaps_keys(name)


def find_template(model: TargetModel | None, label: str | None) -> TargetTemplate | None:
    """The template of that label. Raises `Fatal` (`unknown-template`) with the nearest right word."""
    if label is None:
        return None
    if model is None:
        raise Fatal(
            "template-without-target",
            f'The template "{label}" belongs to a target: name the target it is to be looked up in.',
        )
    labels = [template.label for template in model.templates]
    for template in model.templates:
        if template.label == label:
            return template
    where = f'the target "{model.name}"' if model.name else "the target"
    close = nearest(label, labels)
    if close is not None:
        advice = f'did you mean "{close}"?'
    elif labels:
        advice = f"there are {quoted_list(labels)}."
    else:
        advice = "it has no resource templates at all."
    raise Fatal("unknown-template", f'There is no resource template "{label}" in {where}: {advice}')
