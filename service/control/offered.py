"""What this release carries out. Anything else that the language knows is refused at upload, by name."""

from __future__ import annotations

from service.control.model import Control, Feature

OFFERED: frozenset[Feature] = frozenset(
    {
        "absent",
        "annotations",
        "any-match",
        "asset",
        "blank-clear",
        "classic",
        "conflicts",
        "custom-vocabularies",
        "date-filter",
        "delete",
        "element-set",
        "elements",
        "fill-down",
        "found",
        "geography",
        "geolocation",
        "gone",
        "group",
        "item-type",
        "links",
        "match-where",
        "media-attachment",
        "media-external",
        "merge-duplicates",
        "numeric-types",
        "on-update",
        "otherwise",
        "record-processor",
        "ref-mapping",
        "resource-template",
        "site",
        "site-page",
        "skip",
        "source-site",
        "templates",
        "user",
        "value-suggest",
        "vocabulary",
    }
)


def not_offered(control: Control) -> list[str]:
    """One line for each thing that the control file uses and this release does not carry out yet."""
    return [
        f"This control file uses {feature}, which this version does not carry out yet. "
        "Leave it out, or wait for a version that does."
        for feature in sorted(control.features - OFFERED)
    ]
