"""What a resource holds and what a record means, in one form in which the two can be compared.

A target makes both (`current_of` and `meant_of` of its adapter); nothing here knows a target. A value
keeps the JSON that it came as (`raw`), so that what is not understood can go back untouched.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

from service.store.changes import NOTHING as NOTHING  # also how it is written in a `Difference`
from worker.records import Kind, Of, OnUpdate, normal_identity
from worker.targets.base import Difference
from worker.targets.redact import excerpt

_CONTENT_DIGITS = 16
_ANNOTATION_DIGITS = 8
_MARKS = re.compile(r"(?P<private> \(private\))?(?P<annotated> \(annotated: [^()]*\))?\Z")


class Content(Struct, frozen=True, omit_defaults=True):
    """What makes a value the same as another: everything but its visibility and its annotation.

    `resource` is the number of the resource that the value links to; a negative one stands for a
    resource that this run is still to create. A number or a structure counts as its JSON text.
    """

    type: str
    text: str | None = None
    uri: str | None = None
    label: str | None = None
    language: str | None = None
    resource: int | None = None

    @property
    def digest(self) -> str:
        return _digest(msgspec.json.encode(self), _CONTENT_DIGITS)

    def bears(self, identifier: str) -> bool:
        """Whether the value counts as this identifier: its URI or text, NFC and trimmed, case kept."""
        text = self.uri or self.text
        return self.resource is None and text is not None and normal_identity(text) == identifier

    def shown(self, main: str | None = None) -> str:
        """For a person, on one line. `main` takes the place of the text or URI."""
        if main is None:
            main = excerpt(self.main)
        parts = [main]
        if self.label:
            parts.append(f"“{excerpt(self.label, 80)}”")
        if self.language:
            parts.append(f"@{excerpt(self.language, 40)}")
        if self.type not in {"literal", "uri", "resource", FIELD}:
            parts.append(f"^^{self.type}")
        return " ".join(parts)

    @property
    def main(self) -> str:
        if self.uri or self.text:
            return self.uri or self.text or ""
        if self.resource is None:
            return NOTHING
        return f"resource {self.resource}" if self.resource > 0 else "a resource of this run"


FIELD = "field"
"""The `type` of what a resource has beside properties; `text` is then the number, truth value or text."""


class Held(Struct, frozen=True, omit_defaults=True):
    """A value as a resource holds it, or is to hold it."""

    content: Content
    public: bool = True
    annotation: tuple[tuple[str, tuple[Held, ...]], ...] = ()
    """Values about this value: (term, values)."""
    raw: bytes = b""
    """The target's JSON of it: as it came, or as it would be sent; empty for fields."""
    display: str = ""
    """How a person calls it, where that is not its content (the label of a template)."""
    number: int = 0
    """Its number, where the target numbers it: an edited one is known by that; 0: it does not."""
    stuck: str = ""
    """Why it could not be sent back as it is; "" where it can."""

    @property
    def mark(self) -> str:
        """A short digest of content, visibility and annotation; that of the content comes first."""
        return f"{self.content.digest}{'+' if self.public else '-'}{_annotation_digest(self.annotation)}"

    def shown(self, main: str | None = None) -> str:
        if self.display:
            return self.display
        notes = f" (annotated: {', '.join(sorted(term for term, _ in self.annotation))})"
        private = "" if self.public else " (private)"
        return f"{self.content.shown(main)}{private}{notes if self.annotation else ''}"


class Wish(Struct, frozen=True, omit_defaults=True):
    """A value that a record means. `None` for `public` and `annotation`: the record does not name it."""

    content: Content
    public: bool | None = None
    annotation: tuple[tuple[str, tuple[Wish, ...]], ...] | None = None
    raw: bytes = b""
    display: str = ""

    def shown_as(self, text: str) -> bool:
        """Whether `text` is how a report showed this value; what the record does not name may be either."""
        marks = _MARKS.search(text)
        assert marks is not None, "both parts may be absent"
        if self.public is not None and self.public == bool(marks["private"]):
            return False
        return text[: marks.start()] == self.content.shown()


class Named(Struct, frozen=True):
    """What a record says of one name: its values, and what becomes of present ones."""

    name: str
    wishes: tuple[Wish, ...] = ()
    on_update: OnUpdate = "replace"
    of: Of = "all"


class IdentityWish(Struct, frozen=True):
    """One part of the identity: the resource shall bear it in this property."""

    term: str
    identifier: str
    """NFC and trimmed."""
    wish: Wish


class Meant(Struct, frozen=True):
    """A draft in the target's terms: names resolved, links followed."""

    properties: tuple[Named, ...] = ()
    fields: tuple[Named, ...] = ()
    """By the words of the control file (`class`, …); one that holds a single value has at most one."""
    identity: tuple[IdentityWish, ...] = ()


class Current(Struct, frozen=True):
    """A resource as the target holds it now, or held it when this service wrote it last."""

    kind: Kind
    id: int
    modified: str
    properties: Mapping[str, tuple[Held, ...]]
    """Term → values, in the target's order."""
    fields: Mapping[str, tuple[Held, ...]]
    """Word of the control file → what is set. All fields that the kind has are there, if empty."""
    media: tuple[int, ...] = ()
    whole: bytes = b""
    """JSON that a change may have to send back with what it changes; empty: what is not sent stays."""

    @property
    def stuck(self) -> tuple[tuple[str, str], ...]:
        """(term, reason) of each value that could not be sent back as it is."""
        return tuple(
            (term, value.stuck) for term, values in self.properties.items() for value in values if value.stuck
        )


class Footing(Struct, frozen=True, omit_defaults=True):
    """What the last saved representation alone does not tell; kept beside it, mostly empty.

    By name, `Held.mark`s. `foreign`: values of that representation which this service did not write; so
    "ours" is all the others. `added` and `removed`: edits that somebody made since this service wrote the
    name and that no record has settled, since none spoke of them or they were kept: they go on being edits.
    """

    foreign: Mapping[str, tuple[str, ...]] = {}
    added: Mapping[str, tuple[str, ...]] = {}
    removed: Mapping[str, tuple[str, ...]] = {}

    def before_edits(self, name: str, saved: Iterable[str]) -> tuple[str, ...]:
        """The marks of a name without those edits; `saved`: of the representation."""
        added, removed = self.added.get(name, ()), self.removed.get(name, ())
        if not added and not removed:
            return tuple(saved)
        return tuple((Counter(saved) - Counter(added) + Counter(removed)).elements())


class Base(Struct, frozen=True):
    """What this service knows of its last write to the resource: the third side of the comparison."""

    saved: Current
    footing: Footing = Footing()
    same_draft: bool = False
    """Whether the record meant the same then."""
    altered: tuple[Difference, ...] = ()
    """What the target saved otherwise than meant, as reported then."""


def content_of_mark(mark: str) -> str:
    return mark[:_CONTENT_DIGITS]


def marks(values: Iterable[Held]) -> tuple[str, ...]:
    return tuple(value.mark for value in values)


def satisfied(wish: Wish, held: Held) -> bool:
    """Whether a value of the same content also has the visibility and the annotation that are named."""
    if wish.public is not None and wish.public != held.public:
        return False
    return wish.annotation is None or notes_satisfied(wish.annotation, held.annotation)


def notes_satisfied(
    wished: tuple[tuple[str, tuple[Wish, ...]], ...], held: tuple[tuple[str, tuple[Held, ...]], ...]
) -> bool:
    """Whether an annotation says what is wished and nothing else, in whatever order."""
    present = dict(held)
    if {term for term, _ in wished} != present.keys():
        return False
    for term, wishes in wished:
        left = list(present[term])
        for wish in wishes:
            found = next((one for one in left if one.content == wish.content and satisfied(wish, one)), None)
            if found is None:
                return False
            left.remove(found)
        if left:
            return False
    return True


def _annotation_digest(annotation: tuple[tuple[str, tuple[Held, ...]], ...]) -> str:
    if not annotation:
        return ""
    notes = sorted((term, sorted(marks(values))) for term, values in annotation)
    return _digest(msgspec.json.encode(notes), _ANNOTATION_DIGITS)


def _digest(data: bytes, digits: int) -> str:
    return hashlib.sha256(data).hexdigest()[:digits]
