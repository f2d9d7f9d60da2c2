"""MARC in both carriers: inputs that break importers, and exactly what a person is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.control.model import (
    MarcReader,
)
from tests.nasty.support import Case, check, marc

CASES = (
    Case(
        "a record whose lengths are wrong",
        MarcReader(),
        marc(("245", b"10\x1faTitle"), wrong_lengths=True),
        rows={1: {"leader": "00000nam a2200037   4500", "245": [{"ind1": "1", "ind2": "0", "a": ["Title"]}]}},
        notes=("1 record in UTF-8.",),
    ),
    Case(
        "MARC-8 with a diacritic and Cyrillic",
        MarcReader(),
        marc(("245", b"10\x1fa\xe2Ecole \x1b(NABC\x1bs end"), coding=b" "),
        rows={
            1: {
                "leader": "00062nam  2200037   4500",
                "245": [{"ind1": "1", "ind2": "0", "a": ["École абц end"]}],
            }
        },
        notes=("1 record in MARC-8.",),
    ),
    Case(
        "bytes that are no MARC-8",
        MarcReader(),
        marc(("245", b"10\x1faX\xff"), coding=b" ") + marc(("245", b"10\x1faok")),
        rows={2: {"leader": "00045nam a2200037   4500", "245": [{"ind1": "1", "ind2": "0", "a": ["ok"]}]}},
        bad=(
            (
                1,
                "marc-record",
                "Field 245 is no MARC-8, which the leader says it is: the byte 0xFF at byte 2 stands for "
                'no character. Say "encoding" if you know it.',
            ),
        ),
        notes=("1 record in UTF-8.",),
    ),
    Case(
        "UTF-8 that says it is MARC-8",
        MarcReader(),
        marc(("245", "10\x1faÉcole".encode()), coding=b" "),
        rows={1: {"leader": "00049nam  2200037   4500", "245": [{"ind1": "1", "ind2": "0", "a": ["École"]}]}},
        notes=("1 record in UTF-8 (though their leaders say MARC-8).",),
    ),
    Case(
        "Latin-1 that says it is UTF-8",
        MarcReader(),
        marc(("245", b"10\x1faCaf\xe9")),
        bad=(
            (
                1,
                "marc-record",
                'Field 245 is no UTF-8: it holds the byte 0xE9. Say "encoding" if you know it.',
            ),
        ),
    ),
    Case(
        "Latin-1 declared",
        MarcReader(encoding="iso-8859-1"),
        marc(("245", b"10\x1faCaf\xe9")),
        rows={1: {"leader": "00047nam a2200037   4500", "245": [{"ind1": "1", "ind2": "0", "a": ["Café"]}]}},
        notes=("1 record in iso-8859-1.",),
    ),
    Case(
        "line ends between records",
        MarcReader(),
        marc(("001", b"a")) + b"\r\n" + marc(("001", b"b")) + b"\n\x1a",
        rows={
            1: {"leader": "00040nam a2200037   4500", "001": "a"},
            2: {"leader": "00040nam a2200037   4500", "001": "b"},
        },
        notes=("2 records in UTF-8.",),
    ),
    Case(
        "cut off in a record",
        MarcReader(),
        marc(("001", b"a")) + marc(("001", b"b"))[:-10],
        rows={1: {"leader": "00040nam a2200037   4500", "001": "a"}},
        error=(
            "[file-truncated] data: The file ends in the middle of record 2. It was cut off: export or "
            "upload it again."
        ),
    ),
    Case(
        "a field without indicators",
        MarcReader(),
        marc(("245", b"\x1faTitle")) + marc(("001", b"a"), ("001", b"b")),
        bad=(
            (1, "marc-record", "Field 245 does not begin with two indicators."),
            (2, "marc-record", "The control field 001 stands twice, but a record has one."),
        ),
    ),
    Case(
        "a directory that does not fit",
        MarcReader(),
        marc(("245", b"10\x1faTi\x1etle")),
        bad=((1, "marc-record", "The record's directory lists 1 field, but it has 2. Export it again."),),
    ),
    Case(
        "MARC as lines of text",
        MarcReader(),
        b"=LDR  00000nam\n=245  10$aTitle\n",
        error=(
            "[other-format] data: This is not MARC: a record begins with its length in five digits (ISO "
            "2709), and MARCXML with <. MARC as lines of text (.mrk) must be converted first."
        ),
    ),
    Case(
        "MARCXML within OAI",
        MarcReader(),
        b'<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><ListRecords><record><header/><metadata>'
        b'<marc:record xmlns:marc="http://www.loc.gov/MARC21/slim"><marc:leader>00000nam</marc:leader>'
        b'<marc:controlfield tag="007">ta</marc:controlfield><marc:datafield tag="245" ind1="1" ind2="0">'
        b'<marc:subfield code="a">T</marc:subfield></marc:datafield></marc:record></metadata></record>'
        b"</ListRecords></OAI-PMH>",
        rows={1: {"leader": "00000nam", "007": ["ta"], "245": [{"ind1": "1", "ind2": "0", "a": ["T"]}]}},
    ),
    Case(
        "MARCXML without a namespace, with a field that has no tag",
        MarcReader(),
        b'<collection><record><datafield><subfield code="a">T</subfield></datafield></record></collection>',
        bad=((1, "marc-record", "The element <datafield> is no field of a MARC record, or lacks its tag."),),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_person_is_told_exactly(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)
