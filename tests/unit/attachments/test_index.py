from __future__ import annotations

import pytest

from worker.attachments.index import Attachment, Attachments
from worker.records import FindBy

FILES = Attachments(
    Attachment(path, f"{number:064}", 10)
    for number, path in enumerate(
        ["scans/A1.jpg", "scans/A1 back.jpg", "old/A1.jpg", "scans/Ünder.TIF", "letter.pdf", "scans/b2.png"]
    )
)


@pytest.mark.parametrize(
    ("text", "by", "ignore_case", "found"),
    [
        ("scans/A1.jpg", "path", False, ["scans/A1.jpg"]),
        ("./scans/A1.jpg", "path", False, ["scans/A1.jpg"]),
        ("scans\\A1.jpg", "path", False, ["scans/A1.jpg"]),
        ("letter.pdf", "path", False, ["letter.pdf"]),
        ("b2.png", "path", False, ["scans/b2.png"]),
        ("elsewhere/b2.png", "path", False, ["scans/b2.png"]),
        ("A1.jpg", "path", False, ["scans/A1.jpg", "old/A1.jpg"]),
        ("A1.jpg", "name", False, ["scans/A1.jpg", "old/A1.jpg"]),
        ("b2", "stem", False, ["scans/b2.png"]),
        ("B2", "stem", False, []),
        ("B2", "stem", True, ["scans/b2.png"]),
        ("U\u0308nder.TIF", "name", False, ["scans/Ünder.TIF"]),
        ("ünder.tif", "name", True, ["scans/Ünder.TIF"]),
        ("nothing.jpg", "path", True, []),
        ("", "path", False, []),
    ],
)
def test_a_name_leads_to_files(text: str, by: FindBy, ignore_case: bool, found: list[str]) -> None:
    assert [one.path for one in FILES.find(text, by, ignore_case=ignore_case)] == found


@pytest.mark.parametrize(
    ("text", "near"), [("SCANS/a1.JPG", "scans/A1.jpg"), ("B2.tif", "scans/b2.png"), ("zzz", "")]
)
def test_the_nearest_name_is_told(text: str, near: str) -> None:
    assert FILES.nearest(text) == near


def test_what_nobody_named_is_unused() -> None:
    files = Attachments([Attachment("a.jpg", "1" * 64, 1), Attachment("b.jpg", "2" * 64, 1)])
    files.find("a.jpg", "path", ignore_case=False)
    files.find("nothing", "path", ignore_case=False)
    assert [one.path for one in files.unused()] == ["b.jpg"]
