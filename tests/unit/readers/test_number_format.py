"""Numbers are shown as Excel shows them; dates are ISO 8601."""

from __future__ import annotations

import pytest

from worker.readers.number_format import is_date, is_general, shown

SHOWN = [
    (1998.1, "General", "1998.1"),
    (1998.1, "0.00", "1998.10"),
    (1234567.891, "#,##0.00", "1,234,567.89"),
    (0.256, "0%", "26%"),
    (-5, "0.00", "-5.00"),
    (-5, "0;(0)", "(5)"),
    (0, '0;-0;"none"', "none"),
    (36253, "m/d/yyyy", "1999-04-03"),
    (36253, "yyyy", "1999"),
    (36253, "mmm-yy", "1999-04"),
    (36253.5, "d/m/yy h:mm", "1999-04-03T12:00"),
    (0.75, "h:mm:ss", "18:00:00"),
    (1.5, "[h]:mm", "36:00"),
    (0.75, "h:mm AM/PM", "18:00"),
    (0.01, "mm:ss", "14:24"),
    (12, "[$€-407] #,##0.00", "€ 12.00"),
    (1234.5, '#,##0.00 "kg"', "1,234.50 kg"),
    (7, "0000", "0007"),
    (7, '"A"00000', "A00007"),
    (123456789, "000-00-0000", "123-45-6789"),
    (1.5, "# ?/?", "1 1/2"),
    (0.25, "?/?", "1/4"),
    (2.5, "# ?/8", "2 4/8"),
    (3, "# ?/?", "3"),
    (12345, "0.00E+00", "1.23E+04"),
    (0.00012, "0.0E-0", "1.2E-4"),
    (0.30000000000000004, "General", "0.3"),
    (123456789012, "General", "123456789012"),
    (1e20, "General", "100000000000000000000"),
    (1.5e-07, "General", "0.00000015"),
    (1e300, "General", "1E+300"),
    (1234567, "0,", "1235"),
    (-0.001, "0.00", "0.00"),
    (2.5, "0", "3"),
    (1.5, "0.##", "1.5"),
    (2, "0.##", "2."),
    (0.5, "#.00", ".50"),
    (45000, "[$-409]d\\-mmm\\-yyyy;@", "2023-03-15"),
    (45000, "dddd, d mmmm yyyy", "2023-03-15"),
    (5, '[<10]"few";"many"', "few"),
    (50, '[<10]"few";"many"', "many"),
    (60, "yyyy-mm-dd", "60"),
    (1, "yyyy-mm-dd", "1900-01-01"),
    (59, "yyyy-mm-dd", "1900-02-28"),
    (61, "yyyy-mm-dd", "1900-03-01"),
    (-1, "yyyy-mm-dd", "-1"),
    (1200, "#,##0_);(#,##0)", "1,200"),
    (-1200, "#,##0_);(#,##0)", "(1,200)"),
    (1998.1, "@", "1998.1"),
    (1998.1, '_-* #,##0.00\\ "€"_-', "1,998.10 €"),
    (12345.678, "##0.0E+0", "12.3E+3"),
    (36253.999999, "yyyy-mm-dd", "1999-04-03"),
    (3.7, 'General" cm"', "3.7 cm"),
    (5, "[Red]0", "5"),
]


@pytest.mark.parametrize(("value", "code", "expected"), SHOWN)
def test_a_number_is_shown_as_its_format_says(value: float, code: str, expected: str) -> None:
    assert shown(value, code) == expected


def test_workbooks_of_old_macs_count_from_1904() -> None:
    assert shown(0, "yyyy-mm-dd", from_1904=True) == "1904-01-01"


@pytest.mark.parametrize(
    ("code", "date", "general"),
    [
        ("General", False, True),
        ("@", False, True),
        ("0.00", False, False),
        ("yyyy", True, False),
        ('"days "0', False, False),
        ("[h]:mm", True, False),
        ("[Red]General", False, True),
    ],
)
def test_formats_of_dates_and_of_plain_numbers_are_known(code: str, date: bool, general: bool) -> None:
    assert (is_date(code), is_general(code)) == (date, general)
