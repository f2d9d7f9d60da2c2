"""The one place that takes secrets out of text.

A target's key travels in the query of every address, comes back in `Link` headers and in error
pages that quote the request. So everything that quotes an address or an answer goes through
:func:`redact` before it becomes a message, a log line or a row in the database.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

HIDDEN = "[hidden]"

_SHORT = 6
"""Secrets shorter than this are not searched for in text: they would black out half of it."""

_PARAMETER = re.compile(
    # `=` may be escaped: as part of another address (%3D), or in an HTML page (&#x3D; &#61;).
    r"((?:\b|(?<=%26)|(?<=%3F))(?:key_identity|key_credential|api_?key|access_token|token|password|key)"
    r"(?:=|%3D|&\#x3D;|&\#61;))"
    r"((?:(?!&|%26|\#)[^\s\"'<>,;])+)",
    re.IGNORECASE,
)
_USERINFO = re.compile(r"(\bhttps?://)[^/\s@\"'<>]+@", re.IGNORECASE)
_CREDENTIALS = re.compile(
    r"(\b(?:Authorization\s*:\s*)?(?:Basic|Bearer)\s+)[A-Za-z0-9+/._~=-]{8,}", re.IGNORECASE
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` without secrets: known ones (`secrets`, however quoted), and whatever looks like one.

    That is: keys and passwords in a query, user and password in an address, `Authorization` values.
    """
    for secret in secrets:
        if len(secret) >= _SHORT:
            for form in {secret, quote(secret, safe=""), quote_plus(secret)}:
                text = text.replace(form, HIDDEN)
    text = _PARAMETER.sub(rf"\1{HIDDEN}", text)
    text = _USERINFO.sub(rf"\1{HIDDEN}@", text)
    return _CREDENTIALS.sub(rf"\1{HIDDEN}", text)


def excerpt(text: str, limit: int = 200) -> str:
    """`text` on one line and no longer than `limit` characters: private content is quoted briefly only."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


_HTTP_LOGGERS = (
    "httpx2",
    "httpcore2",
    "httpcore2.connection",
    "httpcore2.http11",
    "httpcore2.http2",
    "httpcore2.proxy",
    "httpcore2.socks",
)


def silence_http_loggers() -> None:
    """Switch off the loggers of the HTTP library, whatever level is set.

    At INFO they write each address with its key, at DEBUG each header (`Link` repeats the key).
    """
    for name in _HTTP_LOGGERS:
        logging.getLogger(name).disabled = True
