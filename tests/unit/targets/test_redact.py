from __future__ import annotations

import pytest

from worker.targets.redact import excerpt, redact


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("nothing to hide: monkey=banana", "nothing to hide: monkey=banana"),
        (
            "http://h/api/items?page=2&key_identity=abc123&key_credential=def456&x=1",
            "http://h/api/items?page=2&key_identity=[hidden]&key_credential=[hidden]&x=1",
        ),
        (
            '<http://h/api?key_identity=abc&key_credential=def>; rel="next"',
            '<http://h/api?key_identity=[hidden]&key_credential=[hidden]>; rel="next"',
        ),
        ("next=h%3Fkey_identity%3Dabc%26a%3D1", "next=h%3Fkey_identity%3D[hidden]%26a%3D1"),
        ("?key_identity&#x3D;abc", "?key_identity&#x3D;[hidden]"),
        ("http://h/api/items?key=abc", "http://h/api/items?key=[hidden]"),
        ("see http://user:pw@h/x and https://t0ken@h", "see http://[hidden]@h/x and https://[hidden]@h"),
        ("Authorization: Basic aGFwbG86S0VZ", "Authorization: Basic [hidden]"),
        ("KEY_CREDENTIAL=abc", "KEY_CREDENTIAL=[hidden]"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str, redacted: str) -> None:
    assert redact(text) == redacted


def test_a_known_secret_is_hidden_wherever_and_however_it_stands() -> None:
    secret = "s3cr/t +&"
    text = f"plain {secret}, quoted s3cr%2Ft%20%2B%26, form s3cr%2Ft+%2B%26"
    assert redact(text, [secret]) == "plain [hidden], quoted [hidden], form [hidden]"


def test_an_empty_or_tiny_secret_does_not_black_out_the_text() -> None:
    assert redact("a b c", ["", "a"]) == "a b c"


def test_an_excerpt_is_one_short_line() -> None:
    assert excerpt("a\n  b\tc") == "a b c"
    assert excerpt("x" * 300, 10) == "x" * 9 + "…"
