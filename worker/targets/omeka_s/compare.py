"""What Omeka S saved against what was meant. Pure.

It drops invalid values with a 200, purifies HTML and ignores what it does not understand; the answer
to a write is the saved state, so every difference can be seen in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from html.parser import HTMLParser

import orjson
from msgspec import Struct

from worker.records import Identity, Json, normal_identity
from worker.targets.base import Difference, Saved
from worker.targets.omeka_s import places
from worker.targets.omeka_s.representation import (
    PRIMARY,
    decode,
    identity_texts,
    main_text,
    property_values,
    reference_ids,
)
from worker.targets.omeka_s.vocabulary import Listing, Vocabulary
from worker.targets.redact import excerpt

NOTHING = "(nothing)"


class Plain(Struct, frozen=True):
    """A value without what the target adds to it: what two values are compared by."""

    type: str
    text: str | None
    """The literal's text; a number as its JSON text."""
    uri: str | None
    label: str | None
    language: str | None
    public: bool
    resource: int | None
    annotation: tuple[tuple[str, tuple[Plain, ...]], ...]

    def shown(self) -> str:
        """For a person, briefly."""
        main = self.uri or self.text
        if main is None:
            main = f"resource {self.resource}" if self.resource is not None else NOTHING
        parts = [excerpt(main)]
        if self.label:
            parts.append(f"“{excerpt(self.label, 80)}”")
        if self.language:
            parts.append(f"@{excerpt(self.language, 40)}")
        if self.type not in {"literal", "uri", "resource"}:
            parts.append(f"^^{self.type}")
        if not self.public:
            parts.append("(private)")
        if self.annotation:
            parts.append(f"(annotated: {', '.join(term for term, _ in self.annotation)})")
        return " ".join(parts)


def differences(payload: bytes, saved: Saved, vocabulary: Vocabulary) -> tuple[Difference, ...]:
    """What the target saved otherwise than `payload` meant, by term and field; empty when all arrived.

    Only what the payload names is compared; its properties are, as soon as it has a value at all,
    all the properties that the resource may have.
    """
    meant = _body(payload)
    return (
        *_field_differences(meant, saved, vocabulary),
        *places.differences(meant, saved.body),
        *_value_differences(meant, saved.body),
    )


def same_as(payload: bytes, saved: Saved, vocabulary: Vocabulary) -> bool:
    """Whether this is the resource that `payload` would have created.

    As :func:`differences`, but HTML counts by its visible text, since Omeka purifies it.
    """
    meant = _body(payload)
    for difference in differences(payload, saved, vocabulary):
        html, kept = meant.get("html"), saved.body.get("o-cnt:chars")
        purified = difference.name == "html" and isinstance(html, str) and isinstance(kept, str)
        if not (purified and visible_text(str(html)) == visible_text(str(kept))):
            return False
    return True


def bears(saved: Saved, identity: Identity) -> bool:
    """Whether the resource has each value of the identity (of alternatives: in one of the properties), NFC
    and trimmed, case kept."""
    texts = {
        term: set(map(normal_identity, identity_texts(values)))
        for term, values in property_values(saved.body)
    }
    if identity.alternatives:
        return any(normal_identity(identity.values[0]) in texts.get(term, ()) for term in identity.by)
    return all(
        normal_identity(value) in texts.get(term, ())
        for term, value in zip(identity.by, identity.values, strict=True)
    )


# --- values ---------------------------------------------------------------------------------------


def plain(value: Mapping[str, Json]) -> Plain:
    resource = value.get("value_resource_id")
    uri = value.get("@id") if "value_resource_id" not in value else None
    label = value.get("o:label")
    language = value.get("@language") or value.get("o:lang")
    annotation = value.get("@annotation")
    return Plain(
        type=str(value.get("type")),
        text=main_text({"@value": value.get("@value")}),
        uri=uri if isinstance(uri, str) else None,
        label=label if isinstance(label, str) and label else None,
        language=language if isinstance(language, str) and language else None,
        public=value.get("is_public") is not False,
        resource=resource if isinstance(resource, int) else None,
        annotation=tuple(
            (term, tuple(sorted(map(plain, values), key=_order)))
            for term, values in sorted(property_values(annotation))
        )
        if isinstance(annotation, dict)
        else (),
    )


def _order(value: Plain) -> bytes:
    return orjson.dumps(
        [value.type, value.text, value.uri, value.label, value.language, value.public, value.resource]
    )


def _value_differences(meant: Mapping[str, Json], saved: Mapping[str, Json]) -> list[Difference]:
    wanted = {term: [plain(value) for value in values] for term, values in property_values(meant)}
    if not wanted:
        return []
    present = {term: [plain(value) for value in values] for term, values in property_values(saved)}
    found: list[Difference] = []
    for term in dict.fromkeys((*wanted, *present)):
        missing, extra = _unmatched(wanted.get(term, []), present.get(term, []))
        for value in missing:
            twin = _nearest(value, extra)
            if twin is not None:
                extra.remove(twin)
            found.append(Difference(term, value.shown(), NOTHING if twin is None else twin.shown()))
        found.extend(Difference(term, NOTHING, value.shown()) for value in extra)
    return found


def _unmatched(wanted: list[Plain], present: list[Plain]) -> tuple[list[Plain], list[Plain]]:
    """What is on one side only, as multisets: the order of values is the target's."""
    counts = Counter(present)
    missing = []
    for value in wanted:
        if counts[value]:
            counts[value] -= 1
        else:
            missing.append(value)
    return missing, list(counts.elements())


def _nearest(value: Plain, candidates: list[Plain]) -> Plain | None:
    """What became of a value: one with the same content, else of the same language, else the first."""

    def likeness(other: Plain) -> tuple[bool, bool, bool]:
        same = (value.text, value.uri, value.resource) == (other.text, other.uri, other.resource)
        return (same, value.language == other.language, value.type == other.type)

    return max(candidates, key=likeness, default=None)


# --- fields ---------------------------------------------------------------------------------------


def _field_differences(meant: Mapping[str, Json], saved: Saved, vocabulary: Vocabulary) -> list[Difference]:
    found: list[Difference] = []
    if "o:is_public" in meant and meant["o:is_public"] is not saved.public:
        found.append(Difference("public", _word(meant["o:is_public"]), _word(saved.public)))
    references: tuple[tuple[str, str, Listing | None], ...] = (
        ("class", "o:resource_class", vocabulary.classes),
        ("template", "o:resource_template", vocabulary.templates),
        ("owner", "o:owner", vocabulary.owners),
        ("thumbnail", "o:thumbnail", vocabulary.assets),
        ("item-set", "o:item_set", vocabulary.item_sets),
        ("site", "o:site", vocabulary.sites),
        ("item", "o:item", None),
        ("primary media", PRIMARY, None),
    )
    for name, key, names in references:
        if key in meant:
            wanted, kept = set(reference_ids(meant[key])), set(reference_ids(saved.body.get(key)))
            if key == PRIMARY and not wanted and saved.chosen is None:
                continue  # where none is chosen, the first one is shown
            if wanted != kept:
                found.append(Difference(name, _labels(wanted, names), _labels(kept, names)))
    texts = (
        ("ingester", "o:ingester", "o:ingester"),
        ("source", "o:source", "o:source"),
        ("alt-text", "o:alt_text", "o:alt_text"),
        ("language", "o:lang", "o:lang"),
        ("html", "html", "o-cnt:chars"),
        ("bytes (SHA-256)", "o:sha256", "o:sha256"),
        ("size", "o:size", "o:size"),
    )
    for name, key, kept_in in texts:
        if key in meant and (meant[key] or None) != (saved.body.get(kept_in) or None):
            found.append(Difference(name, _word(meant[key]), _word(saved.body.get(kept_in))))
    found.extend(_media_differences(meant.get("o:media"), saved))
    return found


def _media_differences(meant: Json, saved: Saved) -> list[Difference]:
    if not isinstance(meant, list):
        return []
    order = reference_ids(meant)
    if order and order != list(saved.media_ids):
        return [Difference("media order", str(order), str(list(saved.media_ids)))]
    if len(meant) != len(saved.media_ids):
        return [Difference("media", str(len(meant)), str(len(saved.media_ids)))]
    return []


def _word(value: Json) -> str:
    if isinstance(value, str) and value:
        return excerpt(value)
    return NOTHING if value in (None, "") else orjson.dumps(value).decode()


def _labels(numbers: set[int], names: Listing | None) -> str:
    return ", ".join(names.label(one) if names else str(one) for one in sorted(numbers)) or NOTHING


def _body(payload: bytes) -> dict[str, Json]:
    body = decode(payload)
    assert isinstance(body, dict), "a payload is an object"
    return body


# --- HTML -----------------------------------------------------------------------------------------


_REMOVED = re.compile(r"(?!https?:|mailto:|ftp:)[A-Za-z][A-Za-z0-9+.-]*:")
"""Addresses of a scheme that no purifier leaves, `javascript:` and the like."""


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.addresses: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"script", "style"}
        if tag in {"a", "img"}:
            self.addresses += [value.strip() for name, value in attrs if name in {"href", "src"} and value]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"script", "style"} and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def visible_text(html: str) -> str:
    """The text of HTML that a purifier leaves: without tags, scripts and styles, spaces collapsed."""
    return visible(html)[0]


def visible(html: str) -> tuple[str, tuple[str, ...]]:
    """The same, and where its links and pictures lead, but for addresses that a purifier takes out."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    addresses = [one for one in parser.addresses if not _REMOVED.match(one)]
    return " ".join("".join(parser.parts).split()), tuple(addresses)
