"""Words of dates, in the languages that catalogues in western scripts are mostly written in."""

from __future__ import annotations

import re

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan janvier januar jänner enero gennaio januari janeiro",
            "february feb febr février fevrier févr februar feber febrero febbraio februari fevereiro",
            "march mar mars märz maerz mrz marzo maart março",
            "april apr avril avr abril aprile",
            "may mai mayo maggio mei maio",
            "june jun juin juni junio giugno junho",
            "july jul juillet juil juli julio luglio julho",
            "august aug août aout agosto augustus",
            "september sep sept septembre septiembre settembre setembro",
            "october oct octobre oktober okt octubre ottobre outubro",
            "november nov novembre noviembre novembro",
            "december dec décembre decembre déc dezember dez diciembre dicembre dezembro",
        ),
        start=1,
    )
    for name in names.split()
}

SEASONS = {
    "spring": 21,
    "summer": 22,
    "autumn": 23,
    "fall": 23,
    "winter": 24,
    "printemps": 21,
    "été": 22,
    "automne": 23,
    "hiver": 24,
    "frühling": 21,
    "frühjahr": 21,
    "sommer": 22,
    "herbst": 23,
}

_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth"
    " fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
ORDINALS = {word: number for number, word in enumerate(_ORDINALS.split(), start=1)} | {"twenty-first": 21}

WEEKDAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday|mon|tues?|wed|thurs?|thu|fri|sat|sun"

_CIRCA = (
    r"circa|cca\.?|ca\.?|ci\.|c\.|c(?=\s?\d)|approximately|approx\.?|about|abt\.?|around|"
    r"environ|env\.?|vers|um|gegen|etwa|hacia|verso|omstreeks"
)
_UNSURE = r"\?|probably|prob\.|possibly|poss\.|perhaps|maybe|likely|presumably|attributed to"

LEADING_MARK = re.compile(rf"(?:(?P<circa>{_CIRCA})|(?P<unsure>{_UNSURE}))\s*(?=\S)")
TRAILING_MARK = re.compile(
    r"\s*(?:(?P<unsure>\?|\(\?\)|\[\?\])|(?P<circa>\(circa\)|\(ca?\.?\)|\(approx(?:\.|imately)?\)))$"
)

_DONE = (
    "published|exhibited|engraved|printed|reprinted|cast|made|painted|drawn|dated|issued|built|written|"
    "composed|executed|created|photographed|taken|produced|signed|completed|begun|founded|established|"
    "designed|carved|woven|etched|sculpted|copyrighted|copyright|released|recorded|performed|sent|minted"
)
DONE = rf"(?:(?:first|originally|later|partly)\s+)?(?:{_DONE})"
EVENT = re.compile(rf"(?:(?P<unsure>\?)\s*)?{DONE}(?:\s+(?:in|on|during))?\s+(?=\S)")
"""One thing that was done, before a date: the date is that of the thing."""

COPYRIGHT = re.compile(r"(?:©|℗|cop\.|\(c\)|p(?=\d{4}$))\s*(?=\d)")

AGAIN = re.compile(
    rf"\b(?:{DONE}|later|posthumous|remade|reproduced|reworked|reconstructed|reconstruction|replica|"
    r"editioned|edition|restored|repaired|refabricated|re-fabricated|reassembled|assembled|enlarged|"
    r"annotated|additions|version|copy|original|installation|released)\b"
)
"""Words of a second event after a first date."""

BEFORE = re.compile(
    r"(?:before|bef\.?|prior to|pre-?|ante|until|till|up to|not after|no later than|not later than|by|"
    r"earlier than|avant|vor|bis|antes de)\s*(?=\S)"
)
AFTER = re.compile(
    r"(?:after|aft\.?|post-?|since|from|not before|no earlier than|not earlier than|later than|"
    r"après|nach|seit|después de)\s*(?=\S)"
)
BY = ("by", "until", "till", "up to", "not after", "no later", "not later", "bis")
"""Of the words of BEFORE, those that include the year they name."""
SINCE = ("since", "from", "not before", "no earlier", "not earlier", "seit")
OR_BEFORE = re.compile(r",?\s+(?:or|and)\s+(?:earlier|before)$|,?\s+and earlier$")
OR_AFTER = re.compile(
    r",?\s+(?:or|and)\s+(?:later|after)$|\s+onwards?$|"
    r"\s*-\s*(?:present|today|now|ongoing)?$|\s+to (?:the )?present$"
)
BETWEEN = re.compile(r"between\s+(.+?)\s+and\s+(.+)")
FROM_TO = re.compile(r"(?:from\s+)?(.+?)\s+(?:to|until|till|through)\s+(.+)")

BEFORE_CHRIST = re.compile(r"\s*\b(?:b\.?\s?c\.?(?:\s?e\.?)?|v\.\s?chr\.?|av\. j\.-c\.)$")
ANNO_DOMINI = re.compile(r"\s*\b(?:a\.?\s?d\.?|c\.?\s?e\.?|n\.\s?chr\.?|ap\. j\.-c\.)$")
ANNO_DOMINI_FIRST = re.compile(r"a\.?\s?d\.?\s+(?=\d|c)")
