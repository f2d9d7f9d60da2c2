"""A vocabulary as a real Omeka S has it, and drafts to write with it."""

from __future__ import annotations

from worker.targets.omeka_s.vocabulary import (
    Vocabulary,
    assets_from,
    classes_from,
    custom_from,
    listing,
    owners_from,
    sites_from,
    templates_from,
)

from .exchanges import body

TERMS = {
    "dcterms:title": 1,
    "dcterms:creator": 2,
    "dcterms:subject": 3,
    "dcterms:description": 4,
    "dcterms:date": 7,
    "dcterms:identifier": 10,
    "dcterms:source": 11,
    "dcterms:relation": 13,
}

_templates, _template_details = templates_from(body("template-by-label"))
_custom, _custom_details = custom_from(
    [
        {"o:id": 1, "o:label": "Materials", "o:terms": ["oil", "chalk"]},
        {"o:id": 2, "o:label": "Places", "o:terms": [], "o:uris": {"http://p/1": "One"}},
        {"o:id": 3, "o:label": "Old", "o:terms": "red\nblue \n"},
        {"o:id": 4, "o:label": "People", "o:terms": None, "o:uris": [], "o:item_set": {"o:id": 9}},
        {"o:id": 5, "o:label": "Empty", "o:terms": [], "o:uris": [], "o:item_set": None},
    ]
)

VOCABULARY = Vocabulary(
    properties=TERMS,
    classes=classes_from(body("class-by-term")),
    templates=_templates,
    template_details=_template_details,
    item_sets=listing("item set", [(3, "Set A", ("Set A",)), (4, "Twin", ("Twin",)), (5, "Twin", ("Twin",))]),
    sites=sites_from([{"o:id": 1, "o:slug": "main", "o:title": "Main site"}]),
    owners=owners_from(body("users")),
    assets=assets_from(body("assets")),
    custom=_custom,
    custom_details=_custom_details,
    data_types=frozenset({"literal", "uri", "numeric:timestamp", "valuesuggest:lc:subjects"}),
)
