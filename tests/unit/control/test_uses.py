"""What a compiled control file is asked: files it takes, names and features it uses, what it does."""

from __future__ import annotations

from typing import Any

import pytest

from service.control.expected import entry_of, glob_matches, match_file, missing_required
from service.control.model import NamesUsed, Used
from service.control.names_used import names_used
from service.control.summary import Summary, summary
from tests.unit.control.making import compiled, version_0, version_1

FILES = {
    "data0": {"read": "json"},
    "a*": {"read": "csv"},
    "albums/**": {"read": "attachment"},
    "albums/*.csv": {"read": "csv"},
    "old": {"read": "omeka-s", "from": "old"},
    "DEFAULT": {"read": "jsonl"},
}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("data0", "data0"),
        ("a1", "a*"),
        ("a/1", "DEFAULT"),
        ("albums/1.csv", "albums/*.csv"),
        ("albums/x/1.csv", "albums/**"),
        ("Data0", "DEFAULT"),
    ],
)
def test_a_file_is_read_by_its_name_then_the_longest_glob_then_the_default(name: str, pattern: str) -> None:
    spec = match_file(compiled(version_1(files=FILES)), name)
    assert spec is not None
    assert spec.pattern == pattern


def test_what_is_read_from_a_source_is_not_uploaded() -> None:
    control = compiled(version_1(files=FILES))
    assert match_file(control, "old") is None
    assert entry_of(control, "old") == control.files[4]
    assert entry_of(control, "data0") == control.files[0]


def test_a_file_that_nothing_takes() -> None:
    assert match_file(compiled(version_1()), "data1") is None


def test_names_are_compared_in_one_normal_form() -> None:
    control = compiled(version_1(files={"caf\u00e9": {"read": "json"}}))
    assert match_file(control, "cafe\u0301") == control.files[0]


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("*", "a", True),
        ("*", "a/b", False),
        ("**", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("*.csv", "a+csv", False),
        ("a?", "ab", False),
        ("[a]*", "[a]1", True),
        ("*a" * 60, "a" * 250, True),
        ("*a" * 60 + "b", "a" * 250, False),
        ("**", "a\nb", True),
    ],
)
def test_globs(pattern: str, name: str, matches: bool) -> None:
    assert glob_matches(pattern, name) is matches


def test_missing_files() -> None:
    control = compiled(
        version_1(
            files={
                "b": {"read": "json"},
                "a": {"read": "json"},
                "c": {"read": "json", "required": False},
                "scans/*": {"read": "attachment", "required": True},
            }
        )
    )
    assert missing_required(control, []) == ["b", "a", "scans/*"]
    assert missing_required(control, ["a", "scans/1"]) == ["b"]
    assert missing_required(compiled(version_0()), []) == []


def test_names_used() -> None:
    control = compiled(
        version_1(
            {
                "action": "load",
                "destination": "item:artist",
                "otherwise": [{"action": "skip", "message": "none"}],
            },
            {"source": "t", "name": "dcterms:title", "annotation": {"dcterms:source": "x"}},
            {"source": "m", "name": "dcterms:medium", "type": "customvocab:Materials"},
            {"source": "x", "name": "Item Type Metadata:Text"},
            {"source": "a", "name": "dcterms:creator", "link": {"to": "item:artist"}},
            {"source": "s", "name": "item-set", "default": "Rest"},
            {"action": "set-value", "name": "owner", "value": "a@example.org"},
            {"source": "c", "name": "class", "mapInputValue": {"p": "dctype:Image", "s": "dctype:Sound"}},
            sites=["main", 2],
            match={
                "item": {"source": "id", "by": "dcterms:identifier", "where": {"template": "Artwork"}},
                "item:artist": {"source": "aid", "by": "foaf:name"},
            },
        )
    )
    at = "/instructions"
    assert names_used(control) == NamesUsed(
        terms=(
            Used("dcterms:identifier", "/match/item"),
            Used("foaf:name", "/match/item:artist"),
            Used("dcterms:title", f"{at}/2"),
            Used("dcterms:source", f"{at}/2"),
            Used("dcterms:medium", f"{at}/3"),
            Used("dcterms:creator", f"{at}/5"),
        ),
        elements=(Used("Item Type Metadata:Text", f"{at}/4"),),
        templates=(Used("Artwork", "/match/item"),),
        classes=(Used("dctype:Image", f"{at}/8"), Used("dctype:Sound", f"{at}/8")),
        item_sets=(Used("Rest", f"{at}/6"),),
        sites=(Used("main", "/sites/0"), Used(2, "/sites/1")),
        users=(Used("a@example.org", f"{at}/7"),),
        data_types=(Used("customvocab:Materials", f"{at}/3"),),
        from_data=frozenset({"item_sets", "classes"}),
    )


def test_only_what_is_named_is_needed() -> None:
    used = names_used(compiled(version_1({"source": "s", "name": "site"})))
    assert [used.needs(listing) for listing in ("terms", "sites", "templates", "users")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("instructions", "root", "features"),
    [
        ([], {}, set()),
        ([], {"model": "omeka-classic"}, {"classic"}),
        ([{"source": "a", "name": "dcterms:title", "onUpdate": "keep"}], {}, {"on-update"}),
        ([{"source": "a", "name": "dcterms:title", "of": "language"}], {}, {"on-update"}),
        ([{"source": "a", "name": "tags", "onUpdate": "append"}], {}, set()),
        ([{"source": "a", "name": "dcterms:title", "link": {"to": "item"}}], {}, {"links"}),
        ([{"source": "a", "name": "dcterms:title", "otherwise": {"source": "b"}}], {}, {"otherwise"}),
        (
            [{"source": "a", "name": "dcterms:date", "filters": ["date"], "type": "numeric:timestamp"}],
            {},
            {"date-filter", "numeric-types"},
        ),
        (
            [{"source": "a", "name": "dcterms:type", "type": "customvocab:x", "annotation": {}}],
            {},
            {"custom-vocabularies", "annotations"},
        ),
        (
            [{"source": "a", "name": "dcterms:type", "type": "valuesuggest:x", "blank": "clear"}],
            {},
            {"value-suggest", "blank-clear"},
        ),
        ([{"source": "a", "name": "dcterms:spatial", "type": "geography"}], {}, {"geography"}),
        ([{"source": "a", "name": "item-set", "otherwise": "create"}], {}, {"create-item-set"}),
        ([{"source": "a", "name": "Item Type Metadata:Text"}], {}, {"elements"}),
        ([{"action": "delete"}], {}, {"delete"}),
        (
            [{"action": "if-exists", "source": "a", "then": [{"action": "skip", "message": "x"}]}],
            {},
            {"skip"},
        ),
        (
            [
                {"action": "new", "destination": "media"},
                {"source": "f", "destination": "media", "name": "file"},
            ],
            {},
            {"media-attachment"},
        ),
        (
            [
                {"action": "new", "destination": "media"},
                {"source": "f", "destination": "media", "name": "iiif"},
            ],
            {},
            {"media-external"},
        ),
        (
            [
                {"action": "new", "destination": "media"},
                {"source": "f", "destination": "media", "name": "url"},
            ],
            {},
            set(),
        ),
        ([{"action": "new", "destination": "geolocation"}], {}, {"geolocation"}),
        (
            [],
            {"files": {"a": {"read": "csv", "fillDown": ["x"], "group": {"by": ["x"], "rows": "r"}}}},
            {"fill-down", "group"},
        ),
        (
            [],
            {"files": {"a": {"read": "omeka-s", "from": "x"}, "b": {"read": "attachment"}}},
            {"source-site", "media-attachment"},
        ),
        (
            [],
            {
                "model": "omeka-s",
                "recordProcessor": "omeka-classic-site",
                "files": {"a": {"read": "omeka-classic", "from": "x"}},
            },
            {
                "record-processor",
                "source-site",
                "site",
                "site-page",
                "resource-template",
                "found",
                "blank-clear",
                "geolocation",
                "links",
            },
        ),
        (
            [],
            {
                "match": {
                    "item": {
                        "source": "i",
                        "by": {"any": ["dcterms:identifier"]},
                        "absent": "delete",
                        "where": {"site": 1},
                        "found": "skip",
                        "gone": "reject",
                        "duplicates": "merge",
                    }
                }
            },
            {"any-match", "absent", "match-where", "found", "gone", "merge-duplicates"},
        ),
    ],
)
def test_features(instructions: list[Any], root: dict[str, Any], features: set[str]) -> None:
    assert compiled(version_1(*instructions, **root)).features == frozenset(features)


def test_summaries() -> None:
    assert summary(compiled(version_1())) == Summary(("item",), (), False, False, False, True)
    control = compiled(
        version_1(
            {"action": "new", "destination": "item-set"},
            {"action": "delete"},
            files={"old": {"read": "omeka-s", "from": "old"}},
            match={"item": {"source": "i", "by": "dcterms:identifier", "absent": "unpublish"}},
        )
    )
    assert summary(control) == Summary(("item", "item-set"), ("item-set",), True, True, True, False)
    assert not summary(control).repeatable
