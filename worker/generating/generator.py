"""A control file out of a data file, a resource template, or both."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import PurePath

from worker.errors import Fatal
from worker.generating.choosing import Catalogue, find_template
from worker.generating.deciding import missing_of_template, missing_title, share_out, template_alone
from worker.generating.fields import Field, FieldMaker
from worker.generating.given import Generated, GivenData
from worker.generating.identity import identify, name_other_identifiers, scope_of
from worker.generating.layout import lay_out
from worker.generating.marc import marc_instructions
from worker.generating.model import TargetModel, TargetTemplate
from worker.generating.nested import Entry, entries_of, fields_of
from worker.generating.profile import profile
from worker.generating.rehearsing import has_todo, rehearse
from worker.generating.sampling import Sample, take_sample
from worker.readers.base import count, quoted_list
from worker.records import Json

_DECIDE = "Decide what begins with TODO; until then this file is refused."

_SAY = ' Say "encoding" in the control file to be sure.'
"""Advice of the readers that a generated file has followed."""


def generate(data: GivenData | None, model: TargetModel | None, template: str | None) -> Generated:
    """A control file to go on from.

    `data`: its records are mapped. `model`: to the vocabulary of this target; without one to Dublin Core.
    `template`: the label of one of its resource templates, whose properties and data types come first;
    without data, an instruction a property.

    What is not sure begins with `TODO`, which validation refuses. Reads the sample, nothing else.

    Raises `FileUnreadable` for data that cannot be read, `Fatal` with the code `unknown-template`,
    `template-without-target`, `unknown-reader` or `nothing-to-generate-from`.
    """
    chosen = find_template(model, template)
    catalogue = Catalogue(model, chosen)
    if data is not None:
        return _from_data(data, _Wanted(model, chosen, catalogue))
    if chosen is None:
        raise Fatal(
            "nothing-to-generate-from",
            "A control file is made from a data file, from a resource template of a target, or from both; "
            "there is neither.",
        )
    return _from_template(_Wanted(model, chosen, catalogue), chosen)


@dataclass(frozen=True, slots=True)
class _Wanted:
    model: TargetModel | None
    template: TargetTemplate | None
    catalogue: Catalogue

    def new(self) -> dict[str, Json]:
        made: dict[str, Json] = {"action": "new", "destination": "item"}
        if self.template is not None:
            constants: dict[str, Json] = {"template": self.template.label}
            if self.template.resource_class:
                constants["class"] = self.template.resource_class
            made["set"] = constants
        return made

    def root(self, comment: str, match: Json, files: Json, instructions: list[Json]) -> dict[str, Json]:
        control: dict[str, Json] = {"comment": comment, "dataImportControlFileVersion": 1}
        control["model"] = self.model.kind if self.model else "omeka-s"
        if self.model is not None and self.model.name:
            control["target"] = self.model.name
        control |= {"visibility": "private", "sites": []}
        return control | {"match": {"item": match}, "files": files, "instructions": instructions}


# --- from a template alone ----------------------------------------------------------------------------


def _from_template(wanted: _Wanted, template: TargetTemplate) -> Generated:
    instructions: list[Json] = [wanted.new(), *template_alone(template, wanted.catalogue)]
    by = wanted.catalogue.available("dcterms:identifier")
    match: Json = {"source": "TODO: the column of the identifier", "by": by or "TODO", "scope": "TODO"}
    files: Json = {"data0": {"read": "TODO: csv, xlsx, json …?"}}
    comment = f"Made from the resource template “{template.label}”. {_DECIDE}"
    control = wanted.root(comment, match, files, instructions)
    note = f"{count(len(template.properties), 'property', 'properties')} of the template “{template.label}”."
    return Generated(lay_out(control), (note, _decisions(control)))


# --- from data -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Made:
    """What becomes of a sample: instructions behind `new`, the entry of `match`, and what to say."""

    instructions: list[Json]
    match: dict[str, Json]
    notes: list[str] = field(default_factory=list)
    about_file: list[str] = field(default_factory=list)


def _from_data(data: GivenData, wanted: _Wanted) -> Generated:
    sample = take_sample(data)
    if sample.reader.name == "marc":
        made = _of_marc(sample, wanted, scope_of(data.name))
    else:
        made = _of_records(sample, wanted, scope_of(data.name))
    looked = count(len(sample.rows), "record")
    said = f"{looked}, all there are" if sample.whole else f"{looked} looked at"
    guessed = [fact.removesuffix(_SAY) for fact in sample.reader.facts if "guessed" in fact]
    about = " ".join([*guessed, *made.about_file])
    entry: dict[str, Json] = {"read": sample.reader.name, **sample.reader.options}
    files: Json = {_logical_name(data.name): {"comment": about, **entry} if about else entry}
    comment = f"Made from {_logical_name(data.name)} ({said})."
    instructions: list[Json] = [wanted.new(), *made.instructions]
    control = wanted.root(comment, made.match, files, instructions)
    if has_todo(control):
        control["comment"] = f"{comment} {_DECIDE}"
    wrong = rehearse(control, sample.rows, wanted.model)
    notes = (*sample.notes, *made.about_file, *made.notes, *wrong, _decisions(control))
    return Generated(lay_out(control), tuple(dict.fromkeys(note for note in notes if note)))


def _of_records(sample: Sample, wanted: _Wanted, scope: str) -> _Made:
    root = profile(sample.rows, sample.columns)
    maker = FieldMaker(len(sample.rows), wanted.catalogue, wanted.model)
    empty: list[str] = []
    entries = entries_of(root, maker, empty)
    flat = [entry for entry in entries if isinstance(entry, Field)]
    by = wanted.catalogue.available("dcterms:identifier")
    found = identify(flat, len(sample.rows), scope or "TODO", by=by or "TODO")
    name_other_identifiers(flat, found.field, by)
    entries = [entry for entry in entries if entry is not found.field]
    fields = fields_of(entries)
    share_out(fields, wanted.catalogue)
    if wanted.template is not None:
        entries = _in_order_of(wanted.template, entries)
    made = _Made([entry.json() for entry in entries], found.match, list(found.notes))
    if wanted.template is not None:
        every = [*fields, found.field] if found.field else fields
        required, optional = missing_of_template(every, wanted.template, wanted.catalogue)
        made.instructions += required
        if optional:
            made.notes.append(f"No column fits what the template also has: {quoted_list(optional)}.")
    if not any(isinstance(one, dict) and one.get("name") == "dcterms:title" for one in made.instructions):
        made.instructions += missing_title(fields, wanted.catalogue)
    if empty:
        made.about_file.append(f"Empty in these records and left out: {quoted_list(empty, 40)}.")
    if _data_in_header(sample.columns):
        made.about_file.append(
            "The names of the columns look like data. If the file has no header, give the names: "
            '"header": […].'
        )
    return made


def _of_marc(sample: Sample, wanted: _Wanted, scope: str) -> _Made:
    root = profile(sample.rows, None)
    instructions, unread = marc_instructions(root, wanted.catalogue)
    by = wanted.catalogue.available("dcterms:identifier") or "TODO"
    numbers = root.children["001"].texts if "001" in root.children else []
    sure = len(set(numbers)) == len(sample.rows)
    said = (
        "The control number of the record." if sure else "Not every record has a control number of its own."
    )
    match: dict[str, Json] = {"comment": said, "source": "001" if sure else "TODO: 001?", "by": by}
    made = _Made(instructions, {**match, "scope": scope or "TODO"})
    if unread:
        made.about_file.append(f"Tags that nothing reads: {', '.join(unread)}.")
    return made


def _in_order_of(template: TargetTemplate, entries: list[Entry]) -> list[Entry]:
    places = {own.term: place for place, own in reversed(list(enumerate(template.properties)))}

    def place(entry: Entry) -> int:
        return places.get(entry.name, len(places)) if isinstance(entry, Field) else len(places)

    return sorted(entries, key=place)


def _logical_name(name: str) -> str:
    """The name of the file as an upload bears it: no folder, nothing that means something in a glob."""
    plain = PurePath(unicodedata.normalize("NFC", name).replace("\\", "/")).name.replace("*", "-")
    clean = "".join(char for char in plain if char.isprintable()).strip()
    return clean if clean not in ("", "..", "DEFAULT") else "data0"


def _data_in_header(columns: tuple[str, ...] | None) -> bool:
    like = [name for name in columns or () if re.fullmatch(r"[\d.,/:-]+|https?://\S+", name)]
    return len(like) * 2 > len(columns or ())


def _decisions(control: dict[str, Json]) -> str:
    number = _todos(control)
    if not number:
        return "Nothing is left to decide."
    return f"{count(number, 'decision')} left to make: look for TODO."


def _todos(value: Json) -> int:
    match value:
        case str():
            return int(value.startswith("TODO"))
        case list():
            return sum(map(_todos, value))
        case dict():
            return sum(key.startswith("TODO") + _todos(member) for key, member in value.items())
        case _:
            return 0
