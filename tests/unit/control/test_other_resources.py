"""What the language says of what is no resource: known by its own name, never deleted, never linked to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from service.control.model import FieldName
from service.control.names_used import names_used
from service.control.parse import ParsedControl, parse_control
from service.control.words import IDENTITIES

NEW: dict[str, Any] = {"action": "new", "destination": "site"}
SHOWS: dict[str, Any] = {"source": "s", "destination": "site-page", "name": "item", "multivalue": True}


def a_page(**shows: Any) -> list[dict[str, Any]]:
    """Instructions of a page that shows items."""
    return [{"action": "new", "destination": "site-page"}, {**SHOWS, **shows}]


def parsed(instructions: list[dict[str, Any]], **root: Any) -> ParsedControl:
    control = {
        "dataImportControlFileVersion": 1,
        "model": "omeka",
        "visibility": "public",
        "files": {"data0": {"read": "json"}},
        "instructions": instructions,
        **root,
    }
    return parse_control(json.dumps(control).encode())


@pytest.mark.parametrize("kind", IDENTITIES)
def test_each_is_known_by_its_own_name_without_a_match(kind: str) -> None:
    control = parsed([{"action": "new", "destination": kind}]).control
    assert control is not None
    assert control.match[kind].by == tuple(map(FieldName, IDENTITIES[kind]))  # type: ignore[index]


def test_only_what_is_used_is_to_be_listed() -> None:
    control = parsed([{"action": "new", "destination": "item"}]).control
    assert control is not None
    assert control.match == {}


@pytest.mark.parametrize(
    ("instructions", "says"),
    [
        ([NEW, {"action": "delete", "destination": "site"}], 'an import deletes no "site"'),
        (
            [
                NEW,
                {"action": "new"},
                {"source": "a", "name": "dcterms:relation", "type": "resource", "link": {"to": "site"}},
            ],
            'no value can link to a "site"',
        ),
        (
            [
                {"source": "a", "destination": "load:by-identifier", "name": "identifier"},
                {"action": "load", "destination": "site", "using": "load:by-identifier"},
            ],
            'a "site" has no properties to be found by',
        ),
        (
            [NEW, {"source": "t", "destination": "site", "name": "dcterms:title"}],
            'a destination "site" has no properties',
        ),
        (
            [
                {"action": "new", "destination": "vocabulary"},
                {
                    "source": "p",
                    "destination": "vocabulary",
                    "name": "properties",
                    "multivalue": True,
                    "onUpdate": "remove",
                },
            ],
            "members are added and changed, and never taken away",
        ),
        (
            [
                {"action": "new", "destination": "item"},
                {"action": "new", "destination": "media"},
                {"source": "p", "destination": "media", "name": "primary", "onUpdate": "keep"},
            ],
            '"onUpdate" has no effect on "primary"',
        ),
        (
            [{"action": "new", "destination": "item", "set": {"primary": True}}],
            '"primary" is a name of "media", not of "item"',
        ),
        (
            a_page(link={"to": "item-set", "by": "dcterms:title"}),
            'a page shows items, and no "item-set"',
        ),
        (a_page(type="literal"), '"item" takes no value of the type "literal", only resource'),
        (
            a_page(link={"to": "item", "by": "id"}, annotation={"dcterms:title": "a"}),
            '"annotation" belongs to properties, not to "item"',
        ),
    ],
)
def test_what_has_no_meaning_for_it_is_refused(instructions: list[dict[str, Any]], says: str) -> None:
    found = parsed(instructions)
    assert found.control is None
    assert any(says in str(problem) for problem in found.problems), found.problems


@pytest.mark.parametrize(
    "shows", [{}, {"link": {"to": "item", "by": "id"}}, {"link": {"to": "item", "by": "dcterms:identifier"}}]
)
def test_a_page_shows_items_by_number_or_by_link(shows: dict[str, Any]) -> None:
    found = parsed(a_page(**shows))
    assert found.control is not None, found.problems


def test_names_that_records_may_bring_are_told_where_they_are_used() -> None:
    control = parsed(
        [NEW, {"action": "new", "destination": "item", "set": {"site": "main", "template": "Painting"}}]
    ).control
    assert control is not None
    assert names_used(control).coming == {"sites"}


def test_attachments_for_assets_are_offered_and_those_for_media_not_yet() -> None:
    files = {"data0": {"read": "json"}, "logos/**": {"read": "attachment"}}
    asset = {"action": "new", "destination": "asset"}
    control = parsed([asset], files=files).control
    assert control is not None
    assert "media-attachment" not in control.features
    media = [{"action": "new"}, {"action": "new", "destination": "media"}]
    with_media = parsed(
        [asset, *media, {"source": "f", "destination": "media", "name": "file"}], files=files
    ).control
    assert with_media is not None
    assert "media-attachment" in with_media.features
