"""What a resource template adds to a draft, and what it demands of one. Pure.

Templates are known only with the target at hand, so they come after mapping and before anything is decided:
what is meant of a record is what its template has made of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import msgspec
from msgspec import UNSET

from service.control.model import OmekaType
from service.control.model import Templates as TemplateUse
from service.control.types import takes_language
from worker.mapping.lookups import VocabularyLookups
from worker.mapping.problems import Unconvertible, shown
from worker.mapping.types import Converter, Manner, compile_type
from worker.records import Draft, Link, Mapped, Problem, Property, Value
from worker.targets.base import TemplateFacts, TemplateTerm

_LINKED = {"item": "resource:item", "item-set": "resource:itemset", "media": "resource:media"}


class TemplateLookups(VocabularyLookups, Protocol):
    """The part of a `Resolver` that is asked here."""

    def template(self, name: str) -> TemplateFacts | None: ...

    def data_type(self, name: str) -> str: ...


@dataclass(frozen=True, slots=True)
class _Term:
    """A property of a template, with the converters of its types, in the template's order."""

    facts: TemplateTerm
    candidates: tuple[tuple[str, Converter], ...]
    types_shown: str


@dataclass(frozen=True, slots=True)
class _Template:
    facts: TemplateFacts
    terms: dict[str, _Term]


class Templates:
    """Templates as the control file has them used; each is looked up once.

    `ignore`: nothing is done. `apply`: a draft that names a template but no class gets the template's class;
    a value without a named type the first of the property's types that takes it; a value without a named
    visibility the property's. `enforce`: besides, a draft without a required property, or with a value of
    another type than the template allows, is rejected.
    """

    def __init__(self, use: TemplateUse, lookups: TemplateLookups) -> None:
        self._use = use
        self._lookups = lookups
        self._known: dict[str, _Template | None] = {}

    def settle(self, mapped: Mapped) -> Mapped:
        """The record as its templates have it; problems of theirs behind its own."""
        if self._use == "ignore" or not mapped.drafts:
            return mapped
        drafts: list[Draft] = []
        problems = list(mapped.problems)
        for draft in mapped.drafts:
            settled, found = self._settle(draft)
            drafts.append(settled)
            problems.extend(found)
        return msgspec.structs.replace(mapped, drafts=tuple(drafts), problems=tuple(problems))

    def _settle(self, draft: Draft) -> tuple[Draft, list[Problem]]:
        name = draft.fields.template
        template = self._template(name) if isinstance(name, str) else None
        problems: list[Problem] = []
        properties = tuple(_settled(part, template, problems) for part in draft.properties)
        draft = msgspec.structs.replace(draft, properties=properties)
        if template is None:
            return draft, []  # where there is none of that name, the resolver tells
        if draft.fields.resource_class is UNSET and template.facts.resource_class is not None:
            fields = msgspec.structs.replace(draft.fields, resource_class=template.facts.resource_class)
            draft = msgspec.structs.replace(draft, fields=fields)
        if self._use == "enforce":
            problems = [*self._missing(draft, template), *self._forbidden(draft, template)]
        return draft, problems

    def _template(self, name: str) -> _Template | None:
        if name not in self._known:
            facts = self._lookups.template(name)
            terms = {one.term: self._term(one) for one in facts.terms} if facts is not None else {}
            self._known[name] = _Template(facts, terms) if facts is not None else None
        return self._known[name]

    def _term(self, facts: TemplateTerm) -> _Term:
        candidates: list[tuple[str, Converter]] = []
        for name in facts.data_types:
            try:
                candidates.append((name, compile_type(OmekaType(name), None, self._lookups)))
            except Unconvertible:
                continue  # a vocabulary that is gone takes no value
        return _Term(facts, tuple(candidates), ", ".join(map(self._type_shown, facts.data_types)))

    def _type_shown(self, name: str) -> str:
        """`customvocab:3` by its label, which is what a person knows."""
        family, _, number = name.partition(":")
        vocabulary = self._lookups.custom_vocabulary(number) if family == "customvocab" else None
        return f"{family}:{vocabulary.label}" if vocabulary is not None else name

    # --- enforce --------------------------------------------------------------------------------

    def _missing(self, draft: Draft, template: _Template) -> Iterator[Problem]:
        if draft.action != "new":
            return  # what the resource has already is not the record's to repeat
        given = {part.term for part in draft.properties if part.values and part.on_update != "remove"}
        for one in template.facts.terms:
            if one.required and one.term not in given:
                yield Problem(
                    "reject",
                    "template-required",
                    f"The template “{template.facts.label}” requires {one.term}, and the record gives "
                    f"{draft.destination} none. Complete the record, or say a `default`.",
                )

    def _forbidden(self, draft: Draft, template: _Template) -> Iterator[Problem]:
        """Values of other types. What stands in for a link that leads nowhere is not judged: it is written
        only where the link fails."""
        for part in draft.properties:
            term = template.terms.get(part.term)
            if term is None or not term.facts.data_types:
                continue
            for value in part.values:
                if not self._allowed(value, term.facts.data_types):
                    content = value.text or value.uri or ""
                    yield Problem(
                        "reject",
                        "template-type",
                        f"{part.term}: the template “{template.facts.label}” allows {term.types_shown} here, "
                        f"and “{shown(content)}” is {self._type_shown(self._lookups.data_type(value.type))}.",
                        part.pointer,
                        shown(content),
                    )

    def _allowed(self, value: Value, types: tuple[str, ...]) -> bool:
        if self._lookups.data_type(value.type) in types:
            return True
        if value.link is None or value.type != "resource":
            return False
        linked = _LINKED.get(value.link.to.partition(":")[0])
        return linked in types if linked is not None else any(one.startswith("resource:") for one in types)


# --- apply ----------------------------------------------------------------------------------------


def _settled(part: Property, template: _Template | None, problems: list[Problem]) -> Property:
    """The property with its values typed and their visibility said; warnings go to `problems`."""
    term = template.terms.get(part.term) if template is not None else None
    values = []
    for value in part.values:
        settled, fits = _value(value, term)
        values.append(settled)
        if not fits and template is not None and term is not None:
            problems.append(
                Problem(
                    "warning",
                    "template-type-left",
                    f"{part.term}: “{shown(value.text)}” is none of the types that the template "
                    f"“{template.facts.label}” gives this property ({term.types_shown}); it stays a text.",
                    part.pointer,
                    shown(value.text),
                )
            )
    return msgspec.structs.replace(part, values=tuple(values))


def _value(value: Value, term: _Term | None) -> tuple[Value, bool]:
    """The value as the template has it, and whether one of its types took it."""
    fits = True
    if value.untyped:
        typed = _typed(value, term)
        fits = typed is not None
        value = msgspec.structs.replace(typed or value, untyped=False)
    if value.public is None and term is not None and term.facts.private:
        value = msgspec.structs.replace(value, public=False)
    if value.annotation:
        inner = tuple(_settled(part, None, []) for part in value.annotation)
        value = msgspec.structs.replace(value, annotation=inner)
    if value.link is not None:
        value = msgspec.structs.replace(value, link=_link(value.link, term))
    return value, fits


def _link(link: Link, term: _Term | None) -> Link:
    if link.otherwise is None:
        return link
    return msgspec.structs.replace(link, otherwise=tuple(_value(one, term)[0] for one in link.otherwise))


def _typed(value: Value, term: _Term | None) -> Value | None:
    """The value as the first type that takes it has it; None where none does.

    A text never becomes a link: the number in it need not be that of a resource.
    """
    if term is None or not term.facts.data_types:
        return value
    for name, convert in term.candidates:
        if name == "literal":
            return value
        if value.language is not None and not takes_language(OmekaType(name)):
            continue
        try:
            made = convert(value.text, Manner(None, value.language, value.public, value.annotation))
        except Unconvertible:
            continue
        if made.link is None and not name.startswith("resource"):
            return made
    return None
