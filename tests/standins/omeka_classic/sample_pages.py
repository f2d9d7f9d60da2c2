"""Exhibits and pages of the sample site."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]
START = datetime(2023, 9, 30, 9, tzinfo=UTC)
"""When the site's first record was made."""
SHOWN = 5
"""The item that the exhibits show."""
_TAGS = ({"name": "flood of 1913"}, {"name": "river"})


def exhibits() -> list[Json]:
    """A public one and a draft."""
    return [*_exhibits()]


def exhibit_pages(file: int) -> list[Json]:
    """Three pages of each exhibit, which show that file."""
    return [*_exhibit_pages(file)]


def simple_pages() -> list[Json]:
    """Pages of the site, one of them a draft."""
    return [*_simple_pages()]


def _exhibits() -> Iterator[Json]:
    for number, (title, public) in enumerate((("The Flood of 1913", True), ("Draft: Women", False)), 1):
        stamp = (START + timedelta(days=600)).isoformat()
        yield {
            "id": number,
            "title": title,
            "slug": title.lower().replace(": ", "-").replace(" ", "-"),
            "description": f"<p>An exhibit on <em>{title}</em>.</p>",
            "credits": "The team",
            "public": public,
            "featured": public,
            "added": stamp,
            "modified": stamp,
            "owner": {"id": 2},
            "tags": [*_TAGS],
        }


def _exhibit_pages(file: int) -> Iterator[Json]:
    titles = ("Before the water", "Ten days in March", "Aftermath")
    for number in range(1, 7):
        exhibit, place = (number - 1) // 3 + 1, (number - 1) % 3
        yield {
            "id": number,
            "exhibit": {"id": exhibit},
            # The second page of each lies below its first.
            "parent": {"id": number - 1} if place == 1 else None,
            "title": titles[place],
            "slug": titles[place].lower().replace(" ", "-"),
            "order": place + 1,
            "page_blocks": [*_blocks(number, titles[place], file)],
        }


def _blocks(page: int, title: str, file: int) -> Iterator[Json]:
    yield {
        "id": page * 2 - 1,
        "page_id": page,
        "layout": "text",
        "options": None,
        "text": f"<p>Text of <strong>{title}</strong>.</p>",
        "order": 0,
        "attachments": [],
    }
    attachment = {"caption": f"<p>Caption {page}</p>", "item": {"id": SHOWN}, "file": {"id": file}}
    yield {
        "id": page * 2,
        "page_id": page,
        "layout": "file-text",
        "options": {"file-position": "left", "file-size": "fullsize", "captions-position": "left"},
        "text": "<p>Side text</p>",
        "order": 1,
        "attachments": [{"id": page, **attachment}],
    }


def _simple_pages() -> Iterator[Json]:
    pages = (("About", True, None), ("Visit us", True, 1), ("Draft", False, None))
    for number, (title, published, parent) in enumerate(pages, 1):
        stamp = (START + timedelta(days=610, hours=number)).isoformat()
        yield {
            "id": number,
            "title": title,
            "slug": title.lower().replace(" ", "-"),
            "text": f"<p>Open <b>daily</b>: {title}.</p>",
            "is_published": published,
            "inserted": stamp,
            "updated": stamp,
            "order": number,
            "use_tiny_mce": True,
            "created_by_user": {"id": 1},
            "modified_by_user": {"id": 2},
            "parent": parent and {"id": parent},
        }
