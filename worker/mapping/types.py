"""The types of values: what a piece becomes, judged here as the target would judge it.

Omeka S leaves an invalid value out and answers 200; so nothing invalid may get that far. A converter
makes a `Value` of one piece that is not blank, or raises `Unconvertible`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import assert_never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from service.control.model import (
    BooleanType,
    DatetimeType,
    Json,
    MappedReference,
    OmekaType,
    PlainType,
    TypeSpec,
)
from service.control.model import Link as LinkSpec
from worker.mapping import geography, numeric
from worker.mapping.javadates import JavaDateError, compile_java_pattern
from worker.mapping.lookups import CustomVocabulary, VocabularyLookups
from worker.mapping.problems import Unconvertible, shown
from worker.mapping.text import as_text, checked_unicode
from worker.records import Link, Property, Value


@dataclass(frozen=True, slots=True)
class Manner:
    """What a value has beside its content."""

    label: str | None = None
    language: str | None = None
    public: bool | None = None
    annotation: tuple[Property, ...] | None = None


PLAIN = Manner()
"""Nothing beside: the manner of most values, compared by identity."""

Converter = Callable[[Json, Manner], Value]
TextJudge = Callable[[str], str]
"""The canonical text; raises `Unconvertible`."""

TRUE_WORDS = frozenset({"true", "yes", "y", "t", "1", "on", "x", "public"})
FALSE_WORDS = frozenset({"false", "no", "n", "f", "0", "off", "private"})

_BLANK_TO_PHP = " \n\r\t\v\0"
"""What PHP's trim() takes off: a literal of nothing else is dropped by Omeka S."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):\S")
_USUAL_ADDRESS = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&'()*+,;=%-]+")
_NEVER_IN_URI = re.compile(r'[\s<>"]')
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?")
_LONGEST_LANGUAGE = 190
"""Characters; the column of Omeka S holds 190 and answers more with a 500."""


def compile_type(spec: TypeSpec, link: LinkSpec | None, lookups: VocabularyLookups) -> Converter:
    """Raises `Unconvertible` where the type itself cannot be: an unknown vocabulary or time zone."""
    match spec:
        case PlainType(name):
            if name == "resource":
                return _resource("resource", link)
            return {
                "literal": _literals,
                "html": _texts("html", literal),
                "uri": _uris("uri"),
                "integer": _texts("literal", whole_number),
                "number": _texts("literal", number),
            }[name]
        case BooleanType():
            judge = boolean_words(spec)
            return _texts("literal", lambda text: "true" if judge(text) else "false")
        case DatetimeType(date_format, time_zone):
            return _texts("literal", datetime_judge(date_format, time_zone))
        case OmekaType(name):
            return _omeka(name, link, lookups)
        case MappedReference(table):
            return _reference(table.values, table.name, table.using or "id", table.types)
        case _:  # pragma: no cover
            assert_never(spec)


def _texts(type_name: str, judge: TextJudge) -> Converter:
    def convert(piece: Json, manner: Manner) -> Value:
        text = piece if isinstance(piece, str) else as_text(piece) or ""
        return Value(
            type_name,
            judge(text),
            None,
            None,
            manner.language,
            manner.public,
            manner.annotation,
        )

    return convert


def _literals(piece: Json, manner: Manner) -> Value:
    """What most values are, with as few steps as possible."""
    text = piece if isinstance(piece, str) else as_text(piece) or ""
    if not text.isprintable() or not text or text.isspace():
        text = literal(text)
    if manner is PLAIN:
        return Value("literal", text)
    return Value("literal", text, None, None, manner.language, manner.public, manner.annotation)


# --- plain types ----------------------------------------------------------------------------------


def literal(text: str) -> str:
    if not text.strip(_BLANK_TO_PHP):
        raise Unconvertible("blank-literal", "is a text without a visible character.")
    return checked_unicode(text)


def whole_number(text: str) -> str:
    if re.fullmatch(r"[+-]?\d{1,300}", text):
        return str(int(text))
    if re.fullmatch(r"[+-]?\d{1,300}\.0+", text):
        return str(int(text.partition(".")[0]))
    raise Unconvertible("not-an-integer", f"“{shown(text)}” is no whole number.")


def number(text: str) -> str:
    if _NUMBER.fullmatch(text):
        return text.removeprefix("+")
    hint = " A decimal comma becomes a point with a `replace` filter." if "," in text else ""
    raise Unconvertible("not-a-number", f"“{shown(text)}” is no number (as 12 or 3.5).{hint}")


def boolean_words(spec: BooleanType) -> Callable[[str], bool]:
    """Judges one text, case ignored; raises `Unconvertible`."""
    true = frozenset(word.casefold() for word in spec.true_values) or TRUE_WORDS
    false = frozenset(word.casefold() for word in spec.false_values) or FALSE_WORDS
    if spec.true_values and not spec.false_values:
        false -= true
    if spec.false_values and not spec.true_values:
        true -= false

    def judge(text: str) -> bool:
        word = text.strip().casefold()
        if word in true:
            return True
        if word in false:
            return False
        raise Unconvertible(
            "not-a-boolean",
            f"“{shown(text)}” is neither yes ({_some(true)}) nor no ({_some(false)}). "
            "Say what else is meant with trueValue and falseValue.",
        )

    return judge


def _some(words: frozenset[str]) -> str:
    return ", ".join(sorted(words)[:6])


def datetime_judge(date_format: str, time_zone: str | None) -> TextJudge:
    try:
        pattern = compile_java_pattern(date_format)
        zone = ZoneInfo(time_zone) if time_zone else None
    except (JavaDateError, ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Unconvertible("not-a-date", f"{date_format}, {time_zone}: {error}") from None

    def judge(text: str) -> str:
        try:
            return pattern.parse(text).iso(zone)
        except JavaDateError as error:
            raise Unconvertible("not-a-date", str(error)) from None

    return judge


def address(text: str) -> str:
    """An absolute URI that Omeka S keeps."""
    text = text.strip()
    if _USUAL_ADDRESS.fullmatch(text):
        return text
    match = _SCHEME.match(text)
    if match is None:
        raise Unconvertible(
            "not-a-uri",
            f"“{shown(text)}” is no absolute URI (as https://example.org/1). "
            "A `prefix` filter or uri() can make one.",
        )
    if match[1].lower() == "javascript":
        raise Unconvertible("not-a-uri", f"“{shown(text)}” is a script; Omeka S leaves it out.")
    if _NEVER_IN_URI.search(text):
        raise Unconvertible(
            "not-a-uri", f"“{shown(text)}” has a character that no URI has; uri() encodes them."
        )
    return checked_unicode(text)


def _uris(type_name: str) -> Converter:
    def convert(piece: Json, manner: Manner) -> Value:
        uri = address(piece if isinstance(piece, str) else as_text(piece) or "")
        return Value(type_name, None, uri, manner.label, manner.language, manner.public, manner.annotation)

    return convert


def language_tag(text: str) -> str:
    """A language as Omeka S can store it; it judges no further."""
    text = text.strip()
    if len(text) > _LONGEST_LANGUAGE:
        raise Unconvertible("language-too-long", f"“{shown(text)}” is too long to be a language.")
    return text


# --- resources ------------------------------------------------------------------------------------


def link_of(spec: LinkSpec | None, identity: str) -> Link:
    if spec is None:
        return Link("resource", "", (), (_resource_number(identity),))
    if spec.by_number:
        return Link(spec.to.label, spec.scope, (), (_resource_number(identity),), spec.pointer)
    by = tuple(str(name) for name in spec.by)
    # Several properties with one value are alternatives; a composite identity is linked by its parts.
    return Link(spec.to.label, spec.scope, by, (identity,), spec.pointer)


def _resource_number(text: str) -> str:
    if not re.fullmatch(r"0*[1-9]\d{0,17}", text):
        raise Unconvertible(
            "not-a-resource",
            f"“{shown(text)}” is no number of a resource. A `link` finds one by its identifier.",
        )
    return str(int(text))


def _resource(type_name: str, spec: LinkSpec | None) -> Converter:
    def convert(piece: Json, manner: Manner) -> Value:
        identity = checked_unicode(as_text(piece) or "").strip()
        return Value(
            type_name,
            None,
            None,
            None,
            manner.language,
            manner.public,
            manner.annotation,
            link_of(spec, identity),
        )

    return convert


_REFERENCE_BY = {"title": ("dcterms:title",), "identifier": ("dcterms:identifier",), "id": ()}
_KINDS = ("item", "item-set", "media")


def _reference(entries: Mapping[str, Json], name: str, using: str, types: tuple[str, ...]) -> Converter:
    """Haplo's `refMapping`. Of its `types`, a kind narrows where the resource is looked for."""
    to = next((kind for kind in types if kind in _KINDS), "item")
    by = _REFERENCE_BY[using]

    def convert(piece: Json, manner: Manner) -> Value:
        key = as_text(piece) or ""
        entry = as_text(entries.get(key))
        if entry is None:
            raise Unconvertible(
                "not-in-mapping",
                f"“{shown(key)}” has no entry in the mapping “{name}”.{_close(key, entries)}",
            )
        identity = entry if by else _resource_number(entry)
        link = Link(to, "", by, (identity,))
        return Value("resource", None, None, None, None, manner.public, manner.annotation, link)

    return convert


# --- data types of modules ------------------------------------------------------------------------

_NUMERIC: dict[str, TextJudge] = {
    "numeric:timestamp": numeric.timestamp,
    "numeric:interval": numeric.interval,
    "numeric:duration": numeric.duration,
    "numeric:integer": numeric.integer,
}


def _omeka(name: str, link: LinkSpec | None, lookups: VocabularyLookups) -> Converter:
    if name in _NUMERIC:
        return _texts(name, _trimmed(_NUMERIC[name]))
    judge = geography.converter(name)
    if judge is not None:
        return _texts(name, judge)
    family, _, rest = name.partition(":")
    if family == "customvocab":
        vocabulary = lookups.custom_vocabulary(rest)
        if vocabulary is None:
            raise Unconvertible("vocabulary-unknown", f"The target has no custom vocabulary “{rest}”.")
        return _custom(name, vocabulary)
    if family in ("valuesuggest", "valuesuggestall"):
        return _suggested(name)
    if family == "resource":
        return _resource(name, link)
    if name in ("uri", "literal"):
        return _uris(name) if name == "uri" else _texts(name, literal)
    return _texts(name, literal)


def _trimmed(judge: TextJudge) -> TextJudge:
    return lambda text: judge(text.strip())


def _custom(type_name: str, vocabulary: CustomVocabulary) -> Converter:
    if vocabulary.kind in ("resource", "unlisted"):
        return _resource_or_text(type_name)
    if vocabulary.kind == "uri":
        return _custom_uris(type_name, vocabulary)
    terms = vocabulary.terms

    def judge(text: str) -> str:
        if text in terms:
            return text
        raise Unconvertible(
            "not-in-vocabulary",
            f"“{shown(text)}” is no term of the vocabulary “{vocabulary.label}”.{_close(text, terms)}",
        )

    return _texts(type_name, judge)


def _resource_or_text(type_name: str) -> Converter:
    """Of a vocabulary of items, and of one whose members are not known here: a number is an item."""

    def convert(piece: Json, manner: Manner) -> Value:
        text = literal(as_text(piece) or "").strip()
        if re.fullmatch(r"0*[1-9]\d{0,17}", text):
            link = Link("item", "", (), (str(int(text)),))
            return Value(type_name, None, None, None, None, manner.public, manner.annotation, link)
        return Value(type_name, text, None, None, manner.language, manner.public, manner.annotation)

    return convert


def _custom_uris(type_name: str, vocabulary: CustomVocabulary) -> Converter:
    by_label = {label: uri for uri, label in vocabulary.uris.items() if label}

    def convert(piece: Json, manner: Manner) -> Value:
        text = (as_text(piece) or "").strip()
        uri = text if text in vocabulary.uris else by_label.get(text)
        if uri is None:
            raise Unconvertible(
                "not-in-vocabulary",
                f"“{shown(text)}” is no URI and no label of the vocabulary “{vocabulary.label}”."
                f"{_close(text, [*by_label, *vocabulary.uris])}",
            )
        label = vocabulary.uris[uri] or None
        return Value(type_name, None, uri, label, manner.language, manner.public, manner.annotation)

    return convert


def _suggested(type_name: str) -> Converter:
    """A URI with a label, or a text where no URI is known: both are what the module takes."""

    def convert(piece: Json, manner: Manner) -> Value:
        text = literal(as_text(piece) or "").strip()
        if _SCHEME.match(text) and text.partition(":")[0].lower() in ("http", "https", "urn", "info"):
            return Value(
                type_name,
                None,
                address(text),
                manner.label,
                manner.language,
                manner.public,
                manner.annotation,
            )
        return Value(type_name, text, None, None, manner.language, manner.public, manner.annotation)

    return convert


def _close(word: str, words: Iterable[str]) -> str:
    """A nearest right word, looked for only where that is cheap."""
    some = list(words)
    if len(some) > 2_000 or len(word) > 100:
        return ""
    folded = {candidate.casefold(): candidate for candidate in reversed(some)}
    found = difflib.get_close_matches(word.casefold(), folded, n=1, cutoff=0.75)
    return f" Did you mean “{folded[found[0]]}”?" if found else ""
