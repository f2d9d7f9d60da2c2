"""Haplo's vocabulary: each of its words, what it means here, or why it is refused.

Source: Haplo's data import documentation and the import framework plugin that it describes (public,
Mozilla Public License); only the words are taken. `docs/haplo.md` lists these tables, and a test keeps
that page complete.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.control.model import SimpleFilterName


@dataclass(frozen=True, slots=True)
class Meaning:
    """`taken`: the word does something here. `here` says what, or why it does not, in one sentence."""

    taken: bool
    here: str


def _yes(here: str) -> Meaning:
    return Meaning(True, here)


def _no(why: str) -> Meaning:
    return Meaning(False, why)


ROOT_KEYS: dict[str, Meaning] = {
    "dataImportControlFileVersion": _yes("0, or 1 for the larger language."),
    "model": _yes("`omeka`, `omeka-s` or `omeka-classic`; Haplo's own models do not exist here."),
    "files": _yes("The same: logical names and `DEFAULT`."),
    "recordProcessor": _yes("A built-in preset, `omeka-classic-site`; there are no plugins."),
    "instructions": _yes("The same: run in order for each record."),
    "mapping": _yes("The same, for `refMapping`; in version 1 also plain tables."),
}

ACTIONS: dict[str, Meaning] = {
    "field": _yes(
        "The same; what cannot be converted rejects the record instead of being logged and left out."
    ),
    "field-structured": _yes("The same, with the pseudo-destinations below."),
    "set-value": _yes("The same."),
    "remove-values": _yes("The same: on a loaded destination the present values of the name are replaced."),
    "if-exists": _yes("The same: the key is there, whatever its value."),
    "if-value-one-of": _yes("The same: equal, type included."),
    "if-has-value": _yes("Looks at what this record has set so far, not at what a loaded resource had."),
    "within": _yes("The same."),
    "for-each": _yes("The same, with `wrapValues`."),
    "new": _yes("The same: a resource is made even when nothing is set on it afterwards."),
    "load": _yes("The same, with `load:by-ref` or `load:by-id` (the number of the resource), and more."),
    "assert-destination": _yes("The destination has, or has not, a current resource in this record."),
    "abort-record": _yes("The record is rejected with that message."),
    "log-error": _yes("The message is logged as an error; the record goes on."),
    "set-attribute-group": _no("Omeka has no attribute groups; use an annotation or a resource of its own"),
}

KEYS: dict[str, Meaning] = {
    "action": _yes("The same; `field` when absent."),
    "source": _yes("The same: a key of the current context."),
    "destination": _yes("The same, with the destinations of Omeka."),
    "name": _yes("A name of Omeka: a term, an element, or a field."),
    "value": _yes("The same."),
    "values": _yes("The same."),
    "structured": _yes("The same."),
    "then": _yes("The same."),
    "else": _yes("The same."),
    "instructions": _yes("The same."),
    "wrapValues": _yes('The same: each element becomes `{"value": element}`.'),
    "using": _yes("The same."),
    "otherwise": _yes("The same, of `load`; in version 1 also of values."),
    "exists": _yes("The same."),
    "message": _yes("The same; required."),
    "multivalue": _yes("The same: appends. Without it a value replaces what the name had."),
    "filters": _yes("The same: in order, after `mapInputValue`."),
    "mapInputValue": _yes("The same."),
    "mapInputValueDefault": _yes("The same."),
    "refMapping": _yes("The same: the value is looked up in `mapping`, its entry found in Omeka."),
    "dateFormat": _yes("The same: Java's pattern letters. It makes the value a date."),
    "trueValue": _yes("What stands for true; it makes the value a boolean."),
    "falseValue": _yes("What stands for false."),
    "read": _yes("The reader."),
    "singleRecord": _yes("The same."),
    "separator": _yes("The same, of `tsv-with-name-row`."),
    "charset": _yes("The same, of `tsv-with-name-row`."),
    "types": _yes("Of a mapping: kinds, class terms or template labels that narrow the search."),
    "qualifier": _no("Omeka has no qualifiers; use another property, or an annotation"),
    "country": _no("telephone numbers are plain text in Omeka"),
}

TYPES: dict[str, Meaning] = {
    "text": _yes("`literal`, the type of every property."),
    "text-paragraph": _yes("`literal`; line breaks are kept."),
    "text-multiline": _yes("`literal`; line breaks are kept."),
    "configuration-name": _yes("`literal`."),
    "email-address": _yes("`literal`; not checked. The field `owner` takes one."),
    "url": _yes("Of a version 0 file: by `value:uri`. In version 1: the type `uri`."),
    "date": _yes("`datetime`, by `dateFormat`."),
    "datetime": _yes("`datetime`, by `dateFormat`."),
    "boolean": _yes("`boolean`, by `trueValue` and `falseValue`; of `public` and `featured` always."),
    "number": _yes("`integer` or `number`, in version 1; else the text of the number."),
    "ref": _yes("`resource`: by `refMapping`, or by number with the filter `haplo:string-to-ref`."),
    "object-type": _yes("The field `class`."),
    "file": _yes("The field `file` of `media`, in version 1."),
    "person-name": _yes("By `value:person-name`; written as text, `Last, First Middle`."),
    "telephone-number": _no("Omeka has no such type; write it as text"),
    "postal-address": _no("Omeka has no such type; write it as text, or its place as `geolocation`"),
    "json": _no("Omeka stores no objects; take the parts that are meant, with `within`"),
}

STRUCTURED: dict[str, Meaning] = {
    "value:person-name": _yes("The same: `title`, `first`, `middle`, `last`, `suffix`."),
    "value:postal-address": _no("Omeka has no such type; write it as text, or its place as geolocation"),
}

LOADERS: dict[str, Meaning] = {
    "load:by-ref": _yes("The name `ref` is the number of a resource in Omeka; the same as `load:by-id`."),
}

FILTERS: dict[str, Meaning] = {
    "haplo:to-lower-case": _yes("The same as `lower`."),
    "haplo:to-upper-case": _yes("The same as `upper`."),
    "haplo:to-string": _yes("The same as `to-string`."),
    "haplo:fix-up-url": _yes("The same as `fix-up-url`."),
    "haplo:string-to-ref": _yes("Text becomes the number of a resource in Omeka."),
    "haplo:code-to-ref": _no("Omeka's resources have no behaviour codes; use refMapping, or a link"),
    "haplo:username-to-ref": _no("Omeka's users have no user names; the field owner takes an e-mail address"),
    "haplo:email-to-ref": _no("the field owner takes an e-mail address as it is; leave the filter out"),
}

TAKEN_FILTERS: dict[str, SimpleFilterName] = {
    "haplo:to-lower-case": "lower",
    "haplo:to-upper-case": "upper",
    "haplo:to-string": "to-string",
    "haplo:fix-up-url": "fix-up-url",
    "haplo:string-to-ref": "string-to-ref",
}

MAPPINGS: dict[str, Meaning] = {
    "title": _yes("The same: an exact title of a resource."),
    "id": _yes("The number of a resource; not a word of Haplo."),
    "identifier": _yes("A dcterms:identifier of a resource; not a word of Haplo."),
    "behaviour": _no("Omeka's resources have no behaviour codes; use id, title or identifier"),
}

READERS: dict[str, Meaning] = {
    "json": _yes("The same: an array of objects, or `singleRecord`."),
    "tsv-with-name-row": _yes("The same; a row that has only blank cells is skipped and counted."),
    "xml-text-of-children": _yes("The same."),
    "xml-attributes": _yes("The same."),
}

TABLES: dict[str, dict[str, Meaning]] = {
    "Root keys": ROOT_KEYS,
    "Actions": ACTIONS,
    "Keys": KEYS,
    "Types": TYPES,
    "Structured values": STRUCTURED,
    "Loaders": LOADERS,
    "Value filters": FILTERS,
    "Mapping kinds": MAPPINGS,
    "Readers": READERS,
}
