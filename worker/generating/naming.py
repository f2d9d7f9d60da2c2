"""Names as people write them, made comparable: case, accents, punctuation and camel case do not count."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from msgspec import Struct

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_LETTERS = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th"})
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_IN_BRACKETS = re.compile(r"[(\[{](?P<inside>[^)\]}]*)[)\]}]\s*$")


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def terms(locals_of_dublin_core: str) -> frozenset[str]:
    """`dcterms:…` for each word."""
    return frozenset(f"dcterms:{local}" for local in locals_of_dublin_core.split())


NOISE = word_set(
    """
    a all the of des de du del della di der die das van den la le les el los item object record artwork work
    name names text texts value values list full display displayed shown main primary original column field
    """
)
"""Words beside a name that do not change what it means: `all_artists`, `Artist name`, `Title text`."""

_LANGUAGES = {
    "en": "english englisch anglais ingles inglese engels eng",
    "de": "german deutsch allemand aleman tedesco duits ger deu",
    "fr": "french franzoesisch franzosisch francais frances francese frans fre fra",
    "es": "spanish spanisch espagnol espanol spagnolo spaans spa",
    "it": "italian italienisch italien italiano italiaans ita",
    "nl": "dutch niederlaendisch niederlandisch neerlandais neerlandes olandese nederlands dut nld",
    "pt": "portuguese portugiesisch portugais portugues portoghese portugees por",
    "la": "latin latein latino latijn lat",
    "da": "danish daenisch danois dansk",
    "sv": "swedish schwedisch suedois svenska swe",
    "no": "norwegian norwegisch norvegien norsk nor",
    "fi": "finnish finnisch finnois suomi fin",
    "pl": "polish polnisch polonais polski pol",
    "cs": "czech tschechisch tcheque cesky cze ces",
    "ru": "russian russisch russe ruso rus",
    "el": "greek griechisch grec griego gre ell",
    "ca": "catalan katalanisch catala cat",
    "cy": "welsh walisisch gallois cymraeg wel cym",
    "ga": "irish irisch irlandais gaeilge gle",
    "ja": "japanese japanisch japonais jpn",
    "zh": "chinese chinesisch chinois chi zho",
    "ar": "arabic arabisch arabe ara",
    "he": "hebrew hebraeisch hebraisch hebreu heb",
    "tr": "turkish tuerkisch turkisch turc tur",
}
_LANGUAGE_OF: dict[str, str] = {code: code for code in _LANGUAGES}
_LANGUAGE_OF |= {word: code for code, words in _LANGUAGES.items() for word in words.split()}
_AMBIGUOUS = frozenset({"no", "it", "la", "el", "por", "lat", "cat", "fin", "ara", "pol", "gle", "nor", "da"})
"""Codes that are other words as well (`Accession_no`): a language only in brackets or behind an `@`."""


def words_of(name: str) -> tuple[str, ...]:
    """`Künstler_in`, `dateRange`, `Inv.-Nr.` → their words: lower case, without accents."""
    spaced = _CAMEL.sub(" ", unicodedata.normalize("NFC", name))
    folded = spaced.casefold().translate(_LETTERS)
    plain = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    return tuple(re.findall(r"[^\W_]+", plain))


def key_of(name: str) -> str:
    """What two ways of writing one name have in common: `Accession no.`, `accessionNo` → `accessionno`."""
    return "".join(words_of(name))


def keys_of_synonym(name: str) -> frozenset[str]:
    """As `key_of`; a German umlaut also as its two letters (`Kuenstler`)."""
    return frozenset({key_of(name), key_of(name.casefold().translate(_UMLAUTS))})


class Spoken(Struct, frozen=True):
    """A name without its mark of a language: `Titel (de)`, `title_fr`, `dc.title[en_US]`, `Title English`."""

    name: str
    language: str = ""


def spoken(name: str) -> Spoken:
    """The name as it is, with no language, where nothing marks one."""
    at = name.rpartition("@")
    if at[0] and (tag := _tag(at[2], marked=True)):
        return Spoken(at[0].strip(), tag)
    inside = _IN_BRACKETS.search(name)
    if inside and (tag := _tag(inside["inside"], marked=True)) and name[: inside.start()].strip():
        return Spoken(name[: inside.start()].strip(), tag)
    parts = [part for part in re.split(r"[\s_.:/-]+", _CAMEL.sub(" ", name)) if part]
    if len(parts) > 1 and (tag := _tag(parts[-1], marked=False)):
        return Spoken(" ".join(parts[:-1]), tag)
    return Spoken(name)


def _tag(text: str, *, marked: bool) -> str:
    word = "".join(words_of(text))
    if not marked:
        return "" if word in _AMBIGUOUS else _LANGUAGE_OF.get(word, "")
    region = re.fullmatch(r"\s*([A-Za-z]{2})[_-]([A-Za-z]{2})\s*", text)
    if region and region[1].lower() in _LANGUAGES:
        return f"{region[1].lower()}-{region[2].upper()}"
    return _LANGUAGE_OF.get(word, "")


def sure_keys(name: str) -> Iterator[str]:
    """Keys under which a synonym of exactly this name would stand, the closest first.

    As written; without what stands in brackets or a number at the end (`Subject 2`, `Artist(s)`); without
    words that add nothing; each also in the singular.
    """
    whole = words_of(name)
    inside = _IN_BRACKETS.search(name)
    plain = words_of(name[: inside.start()]) if inside else whole
    numbered = plain[:-1] if len(plain) > 1 and plain[-1].isdigit() else plain
    bare = tuple(word for word in numbered if word not in NOISE)
    for words in dict.fromkeys((whole, plain, numbered, bare)):
        if words:
            yield from singulars("".join(words))


def singulars(key: str) -> Iterator[str]:
    yield key
    if len(key) > 3 and key.endswith("s"):
        yield key[:-1]
        if key.endswith("ies"):
            yield key[:-3] + "y"
        elif key.endswith("es"):
            yield key[:-2]


def perhaps_keys(name: str) -> Iterator[str]:
    """Keys of parts of the name, the likelier first: the end of it (where English has its noun), the rest."""
    words = words_of(name)
    length = len(words)
    for size in range(length - 1, 0, -1):
        for start in range(length - size, -1, -1):
            part = words[start : start + size]
            if len("".join(part)) > 2 and not all(word in NOISE or word.isdigit() for word in part):
                yield from singulars("".join(part))
