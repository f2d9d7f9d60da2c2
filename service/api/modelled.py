"""What a target offers to map to, as text: a line each thing, separated by tabs, so that `grep` finds it."""

from __future__ import annotations

from collections.abc import Iterable

from service.api.lines import one_line
from service.control.target_model import TargetModel, TemplateProperty


def model_text(model: TargetModel) -> str:
    return "".join("\t".join(map(one_line, line)) + "\n" for line in _lines(model))


def _lines(model: TargetModel) -> Iterable[tuple[str, ...]]:
    yield "target", model.name, model.kind
    for vocabulary in model.vocabularies:
        yield "vocabulary", vocabulary.prefix, vocabulary.label, vocabulary.uri
        yield from (("property", one.term, one.label) for one in vocabulary.properties)
        yield from (("class", one.term, one.label) for one in vocabulary.classes)
    for template in model.templates:
        yield "template", template.label, template.resource_class
        for one in template.properties:
            yield "template-property", template.label, one.term, one.label, _rules(one)
    yield from (("item-set", str(one.id), one.title) for one in model.item_sets)
    yield from (("site", one.slug, one.title) for one in model.sites)
    yield from (("data-type", one.name, one.label) for one in model.data_types)
    for custom in model.custom_vocabularies:
        yield "custom-vocabulary", f"customvocab:{custom.label}", str(custom.id)
        yield from (("term", f"customvocab:{custom.label}", term) for term in (*custom.terms, *custom.uris))
    yield from (("left-out", sentence) for sentence in model.left_out)


def _rules(one: TemplateProperty) -> str:
    """`required, private, @en, literal|customvocab:3`."""
    rules = ["required"] * one.required + ["private"] * one.private
    if one.language:
        rules.append(f"@{one.language}")
    if one.data_types:
        rules.append("|".join(one.data_types))
    return ", ".join(rules)
