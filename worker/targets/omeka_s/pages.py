"""The content of the pages of sites. Pure.

A page is made of blocks. Of a PATCH Omeka puts the blocks behind those that are there; of a PUT it takes them
for all there are, and forgets what is not sent. That is its own code (`SitePageAdapter`, where `isPartial`
decides); of pages nothing was recorded, but `put-replace` shows the same of an item. So content is changed by
a PUT of the whole page, with every block that is not ours as it came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import orjson

from worker.records import Json
from worker.targets.base import Operation

BLOCKS = "o:block"
LAYOUT, DATA = "o:layout", "o:data"
_ITS_OWN = frozenset({"@context", "@id", "@type", "o:id", "o:site", "o:created", "o:modified"})
"""What Omeka says of a page and nobody sets."""


def says_all(operation: Operation) -> bool:
    """Whether a change is sent whole."""
    if operation.kind != "site-page" or operation.method != "update":
        return False
    body = orjson.loads(operation.payload)
    return isinstance(body, dict) and BLOCKS in body


def whole(page: Mapping[str, Json]) -> dict[str, Json]:
    """All that a PUT has to say of a page for it to stay as it is."""
    return {key: value for key, value in page.items() if key not in _ITS_OWN}


def new(texts: Sequence[str]) -> list[Json]:
    """The blocks of a new page. As Omeka's own page editor begins: the title, then the text."""
    title: dict[str, Json] = {LAYOUT: "pageTitle", DATA: {}}
    return [title, *map(_block, texts)]


def with_texts(blocks: Json, texts: Sequence[str]) -> list[Json]:
    """The blocks with other texts in the places of those of HTML, the rest as it was. Texts that have no
    place come last."""
    left = iter(texts)
    found: list[Json] = []
    for block in blocks if isinstance(blocks, list) else ():
        if html_of(block) is None:
            found.append(block)
        elif (text := next(left, None)) is not None:
            assert isinstance(block, dict), "a block of HTML is an object"
            found.append(block | _block(text))
    return [*found, *map(_block, left)]


def earlier(then: Json, now: Json, texts: Sequence[str]) -> list[Json]:
    """The blocks of a page that is to have its earlier texts again: as they were, unless other blocks were
    changed since."""
    if _others(then) == _others(now) and isinstance(then, list):
        return then
    return with_texts(now, texts)


def texts_of(blocks: Json) -> Iterator[str]:
    """The texts of a page's blocks of HTML."""
    for block in blocks if isinstance(blocks, list) else ():
        if text := html_of(block):
            yield text


def html_of(block: Json) -> str | None:
    """The text of a block of HTML; None: it is none."""
    if not isinstance(block, dict) or block.get(LAYOUT) != "html":
        return None
    data = block.get(DATA)
    html = data.get("html") if isinstance(data, dict) else None
    return html if isinstance(html, str) else ""


def _others(blocks: Json) -> list[Json]:
    return [block for block in blocks if html_of(block) is None] if isinstance(blocks, list) else []


def _block(text: str) -> dict[str, Json]:
    return {LAYOUT: "html", DATA: {"html": text}}
