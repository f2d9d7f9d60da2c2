"""HTML: the framework's own pages word for word, and plain pages of items so that links open in a browser."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from html import escape
from pathlib import Path
from string import Template as Text

from .access import Caller
from .database import AnyResource, Database
from .knobs import Knobs
from .model import Item, Value
from .render import title_shown

_INDENT = "                        "
_ERROR = (
    _INDENT
    + "<h1>Omeka S encountered an error</h1>\n\n<p>\nTo learn how to see more detailed information about "
    "this error, see the Omeka S User Manual page on "
    '<a href="https://omeka.org/s/docs/user-manual/errorLogging/">retrieving error messages</a>.</p>\n'
)
_MISSING = (
    _INDENT
    + '<h1><span class="title">Page not found</span></h1>\n<p>The page you are trying to view does not '
    "exist. Use the back button to return to the last page.</p>\n\n"
)
_MAINTENANCE = (
    _INDENT
    + "<h2>Site under maintenance</h2>\n<p>This site is down for maintenance. Please contact the site "
    "administrator for more information.</p>\n"
)
_INSTALL = _INDENT + "<h1>Install Omeka S</h1>\n<p>The database could not be reached.</p>\n"
BAD_GATEWAY = "502 Bad Gateway"
TOO_LARGE = "413 Request Entity Too Large"


@cache
def _layout() -> Text:
    return Text(Path(__file__).with_name("layout.html").read_text("utf-8"))


def _page(knobs: Knobs, content: str, title: str = "") -> str:
    full = f"{title} · {knobs.title}" if title else knobs.title
    return _layout().substitute(title=escape(full), version=knobs.version, content=content)


def _plain(title: str, content: str) -> str:
    """A page of ours, which asks no other host for anything (the real layout asks for fonts and scripts)."""
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title></head>\n'
        f"<body>\n{content}</body></html>\n"
    )


def error(knobs: Knobs) -> str:
    """What an uncaught exception shows."""
    return _page(knobs, _ERROR)


def missing(knobs: Knobs) -> str:
    """The page of a 404."""
    return _page(knobs, _MISSING, "Page not found")


def maintenance(knobs: Knobs) -> str:
    """Where a pending upgrade sends everybody."""
    return _page(knobs, _MAINTENANCE)


def install(knobs: Knobs) -> str:
    """Where an unreachable database sends everybody."""
    return _page(knobs, _INSTALL)


def web_server(status: str) -> str:
    """An answer of the web server itself, which never asked PHP."""
    return (
        f"<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n"
        "<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
    )


def home(knobs: Knobs, items: Iterable[Item]) -> str:
    """Recent items."""
    rows = "".join(f'<li><a href="/item/{i.id}">{escape(title_shown(i))}</a></li>\n' for i in items)
    return _plain(knobs.title, f"<h1>{escape(knobs.title)}</h1>\n<ul>\n{rows}</ul>\n")


def resource(database: Database, row: AnyResource, caller: Caller) -> str:
    """Title, values and files of one resource."""
    shown: dict[int, list[str]] = {}
    for value in row.values:
        if caller.sees_value(row, value):
            shown.setdefault(value.property, []).append(_value(database, value))
    terms = "".join(
        f"<dt>{escape(database.properties[number].label)}</dt>\n"
        + "".join(f'<dd class="value">{text}</dd>\n' for text in texts)
        for number, texts in shown.items()
    )
    files = ""
    if isinstance(row, Item):
        for media in database.media_in(row):
            if media.has_original and caller.sees(media):
                name = escape(media.source or media.filename or "")
                files += f'<li><a href="/files/original/{media.filename}">{name}</a></li>\n'
    title = title_shown(row)
    content = f"<h1>{escape(title)}</h1>\n<dl>\n{terms}</dl>\n"
    return _plain(title, content + (f"<ul>\n{files}</ul>\n" if files else ""))


def _value(database: Database, value: Value) -> str:
    if value.target is not None:
        target = database.resource(value.target)
        name = title_shown(target) if target else str(value.target)
        return f'<a href="/item/{value.target}">{escape(name)}</a>'
    if value.uri is not None:
        label = escape(value.value or value.uri)
        safe = value.uri.startswith(("http://", "https://"))
        return f'<a href="{escape(value.uri)}">{label}</a>' if safe else label
    return escape(value.value or "")
