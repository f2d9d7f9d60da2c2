"""HTML: plain pages of items so that links open in a browser, and what the web server says itself."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from .database import Database
from .knobs import Knobs
from .model import Item
from .render import DERIVATIVES

FOLDERS = frozenset(DERIVATIVES.values())
_TITLE = 50
PIXEL = bytes.fromhex(
    "ffd8ffdb004300030202020202030202020303030304060404040404080606050609080a0a090809090a0c0f0c0a0b0e0b09090d"
    "110d0e0f101011100a0c12131210130f101010ffc9000b080001000101011100ffcc000600101005ffda0008010100003f00d2cf"
    "20ffd9"
)
"""A small JPEG that stands for every derivative."""


def api(knobs: Knobs, base: str) -> str:
    """What ``/api`` itself shows."""
    return (
        f"<p>This is the endpoint URL for the {escape(knobs.title)} REST API.</p>\n"
        f'<p>You can view site information here: <a href="{base}/api/site?pretty_print">{base}/api/site</a>'
        f'</p>\n<p>You can view available API resources here: <a href="{base}/api/resources?pretty_print">'
        f"{base}/api/resources</a></p>\n"
    )


def home(db: Database, knobs: Knobs) -> str:
    """The newest public items."""
    newest = sorted((i for i in db.items.values() if i.public), key=lambda i: -i.id)[:50]
    links = (f'<li><a href="/items/show/{i.id}">{escape(_title(i))}</a></li>\n' for i in newest)
    return _page(knobs, knobs.title, [f"<ul>\n{''.join(links)}</ul>\n"])


def item(db: Database, knobs: Knobs, row: Item) -> str:
    """One item with its texts and files."""
    texts = (
        f"<h3>{escape(db.elements[t.element].name)}</h3>\n<div>{escape(t.text)}</div>\n"
        for t in row.texts
        if t.element in db.elements
    )
    files = (
        f'<p><a href="/files/original/{escape(f.filename)}">{escape(f.original_filename)}</a></p>\n'
        for f in db.files_of(row.id)
    )
    return _page(knobs, _title(row), [*texts, *files])


def missing(knobs: Knobs) -> str:
    """There is no such page."""
    return _page(knobs, "404: Page Not Found", ["<p>This page could not be found.</p>\n"])


def web_server(title: str) -> str:
    """A page of the web server in front."""
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        "<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"
    )


def _title(row: Item) -> str:
    return next((t.text for t in row.texts if t.element == _TITLE), "[Untitled]")


def _page(knobs: Knobs, title: str, parts: Iterable[str]) -> str:
    return (
        f'<!DOCTYPE html>\n<html lang="en-US">\n<head><meta charset="utf-8"><title>{escape(title)} · '
        f"{escape(knobs.title)}</title></head>\n<body>\n<h1>{escape(title)}</h1>\n{''.join(parts)}"
        "</body>\n</html>\n"
    )
