"""The resources of the API, what each can do, and the parameters that each understands."""

from __future__ import annotations

from dataclasses import dataclass

from tests.standins.shared.php import Json

from .knobs import Knobs

_READ = ("index", "get")
_ALL = ("index", "get", "post", "put", "delete")
_PLUGIN_READ = ("get", "index")
_SINCE_3_1 = ("search", "advanced")
GENERAL = frozenset({"key", "callback", "pretty_print"})
"""Parameters that every request understands."""
PAGING = frozenset({"page", "per_page", "sort_field", "sort_dir"})
"""And those of every listing."""


@dataclass(frozen=True)
class Resource:
    """What ``/api/resources`` tells of one resource; ``plugin`` brings it."""

    record_type: str | None
    actions: tuple[str, ...]
    params: tuple[str, ...] | None = None
    controller: str | None = None
    plugin: str | None = None


_RESOURCES = {
    "site": Resource(None, ("index",), controller="site"),
    "resources": Resource(None, ("index",), controller="resources"),
    "collections": Resource(
        "Collection", _ALL, ("public", "featured", "added_since", "modified_since", "owner")
    ),
    "items": Resource(
        "Item",
        _ALL,
        (
            "collection",
            "item_type",
            "featured",
            "public",
            "added_since",
            "modified_since",
            "owner",
            "tags",
            "excludeTags",
            "hasImage",
            "range",
            *_SINCE_3_1,
        ),
    ),
    "files": Resource(
        "File",
        _ALL,
        (
            "item",
            "order",
            "size_greater_than",
            "has_derivative_image",
            "mime_type",
            "modified_since",
            "added_since",
        ),
        controller="files",
    ),
    "item_types": Resource("ItemType", _ALL, ("name",)),
    "elements": Resource("Element", _ALL, ("element_set", "name", "item_type")),
    "element_sets": Resource("ElementSet", (*_READ, "post", "delete"), ("name", "record_type")),
    "users": Resource("User", ("get",)),
    "tags": Resource("Tag", (*_READ, "delete")),
    "exhibits": Resource(
        "Exhibit", _PLUGIN_READ, ("tag", "tags", "sort", "public", "featured"), plugin="ExhibitBuilder"
    ),
    "exhibit_pages": Resource(
        "ExhibitPage",
        _PLUGIN_READ,
        ("parent", "exhibit", "order", "topOnly", "item"),
        plugin="ExhibitBuilder",
    ),
    "simple_pages": Resource("SimplePagesPage", _PLUGIN_READ, plugin="SimplePages"),
    "geolocations": Resource("Location", (*_PLUGIN_READ, "post", "put", "delete"), plugin="Geolocation"),
}


def resources(knobs: Knobs) -> dict[str, Resource]:
    """The resources of this site by name, in the order in which it lists them."""
    return {
        name: one for name, one in _RESOURCES.items() if one.plugin is None or one.plugin in knobs.plugins
    }


def understood(resource: Resource, knobs: Knobs) -> tuple[str, ...] | None:
    """The parameters of a listing of this resource, in this version."""
    if resource.params is None or knobs.is_3_1:
        return resource.params
    return tuple(name for name in resource.params if name not in _SINCE_3_1)


def described(knobs: Knobs, base: str) -> Json:
    """The document of ``/api/resources``."""
    document: dict[str, Json] = {}
    for name, resource in resources(knobs).items():
        shown: dict[str, Json] = {}
        if resource.controller:
            shown["controller"] = resource.controller
        if resource.record_type:
            shown["record_type"] = resource.record_type
        shown["actions"] = [*resource.actions]
        params = understood(resource, knobs)
        if params is not None:
            shown["index_params"] = [*params]
        document[name] = shown | {"url": f"{base}/api/{name}"}
    return document
