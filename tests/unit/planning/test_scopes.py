from __future__ import annotations

import pytest

from worker.planning.scopes import close_scope

KNOWN = {"tate-gallery": 3, "moma": 40, "": 7, "v2": 1}


@pytest.mark.parametrize(
    ("scope", "meant"),
    [
        ("Tate Gallery", "tate-gallery"),
        ("tate_gallery", "tate-gallery"),
        ("tategalery", "tate-gallery"),
        ("tate-galerie", None),
        ("tate-gallery", None),
        ("momo", "moma"),
        ("mona lisa", None),
        ("v3", "v2"),
        ("", None),
        ("x", None),
        ("MOMA", "moma"),
        ("tate-gallery-2", "tate-gallery"),
    ],
)
def test_the_scope_that_was_probably_meant(scope: str, meant: str | None) -> None:
    assert close_scope(scope, KNOWN) == meant


def test_of_several_the_nearest_then_the_largest() -> None:
    assert close_scope("tate 1", {"tate-2": 1, "tate-3": 5}) == "tate-3"
    assert close_scope("tate 1", {"tate-2": 9, "TATE1": 1}) == "TATE1"
