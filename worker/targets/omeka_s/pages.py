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
LAYOUT, DATA, ATTACHED = "o:layout", "o:data", "o:attachment"
SHOWING = "media"
"""The layout of blocks that show items, each by its primary media or the one that an editor has chosen."""
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


def new(texts: Sequence[str], items: Sequence[int]) -> list[Json]:
    """The blocks of a new page. As Omeka's own page editor begins: the title, then the text; then what it
    shows."""
    title: dict[str, Json] = {LAYOUT: "pageTitle", DATA: {}}
    return with_items([title, *map(_block, texts)], items)


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


def with_items(blocks: Sequence[Json], items: Sequence[int]) -> list[Json]:
    """The blocks where these items are shown and no others: those that are shown stay where they are, with
    their captions; the others come last in the first block that shows items, or in a new one."""
    shown = items_of(list(blocks))
    more: list[Json] = [_attached(one) for one in items if one not in shown]
    found: list[Json] = []
    for block in blocks:
        attached = attached_in(block)
        if attached is None:
            found.append(block)
            continue
        assert isinstance(block, dict), "a block that shows something is an object"
        now: list[Json] = [*(one for one in attached if item_of(one) in items), *more]
        if now or not attached:  # one that shows nothing any more goes
            found.append(block | {ATTACHED: now})
        more = []
    if more:
        layout: dict[str, Json] = {
            "thumbnail_type": "large",
            "alignment": "",
            "show_title_option": "item_title",
        }
        found.append({LAYOUT: SHOWING, DATA: layout, ATTACHED: more})
    return found


def items_of(blocks: Json) -> list[int]:
    """The items that a page shows, each once."""
    found = dict.fromkeys(
        number
        for block in (blocks if isinstance(blocks, list) else ())
        for one in attached_in(block) or ()
        if (number := item_of(one)) is not None
    )
    return list(found)


def attached_in(block: Json) -> Sequence[Json] | None:
    """What a block shows; None: it is no block that shows items."""
    if not isinstance(block, dict) or block.get(LAYOUT) != SHOWING:
        return None
    attached = block.get(ATTACHED)
    return attached if isinstance(attached, list) else ()


def item_of(attached: Json) -> int | None:
    """None: it was deleted."""
    item = attached.get("o:item") if isinstance(attached, dict) else None
    number = item.get("o:id") if isinstance(item, dict) else None
    return number if isinstance(number, int) else None


def earlier(then: Json, now: Json) -> list[Json]:
    """The blocks of a page that is to have its earlier texts and items again: as they were, unless blocks of
    other kinds were changed since."""
    if _others(then) == _others(now) and isinstance(then, list):
        return then
    return with_items(with_texts(now, list(texts_of(then))), items_of(then))


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


def renumbered(blocks: Json, numbers: Mapping[int, int]) -> list[Json]:
    """The blocks where some items have come back under new numbers; which of their media they showed is not
    known any more."""
    found: list[Json] = []
    for block in blocks if isinstance(blocks, list) else ():
        attached = block.get(ATTACHED) if isinstance(block, dict) else None
        if isinstance(block, dict) and isinstance(attached, list):
            now = [_moved(one, numbers.get(item_of(one) or 0)) for one in attached]
            found.append(block | {ATTACHED: now})
        else:
            found.append(block)
    return found


def _moved(attached: Json, number: int | None) -> Json:
    if number is None or not isinstance(attached, dict):
        return attached
    return attached | {"o:item": {"o:id": number}, "o:media": None}


def _others(blocks: Json) -> list[Json]:
    every = blocks if isinstance(blocks, list) else []
    return [block for block in every if html_of(block) is None and attached_in(block) is None]


def _attached(item: int) -> Json:
    return {"o:item": {"o:id": item}, "o:media": None, "o:caption": ""}


def _block(text: str) -> dict[str, Json]:
    return {LAYOUT: "html", DATA: {"html": text}}
