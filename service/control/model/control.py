"""The whole of a control file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from service.control.model.files import FileSpec
from service.control.model.instructions import Absent, Instruction, Match
from service.control.model.names import Model, OnConflict, OnError, Templates, Version, Visibility
from service.control.model.presets import RecordProcessor
from service.control.model.values import MappingTable

# --- the whole ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may go wrong or away before the run stops: a count, or a percentage (0–100) of the records."""

    amount: float
    percent: bool


Feature = Literal[
    "absent",
    "annotations",
    "any-match",
    "asset",
    "blank-clear",
    "classic",
    "conflicts",
    "create-item-set",
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
]
"""Things whose carrying-out a worker may not offer; `Control.features` has those that are used."""


@dataclass(frozen=True, slots=True)
class Control:
    """A control file without errors."""

    version: Version
    model: Model
    files: tuple[FileSpec, ...]
    """In the order in which they are carried out."""
    instructions: tuple[Instruction, ...]
    match: Mapping[str, Match] = field(default_factory=dict)
    """By the label of the destination."""
    mappings: Mapping[str, MappingTable] = field(default_factory=dict)
    target: str | None = None
    visibility: Visibility = "private"
    """Of created resources that the record itself does not make public or private."""
    sites: tuple[str | int, ...] = ()
    """Of created resources, by slug, title or number; () is none."""
    record_processor: RecordProcessor | None = None
    on_error: OnError = "reject"
    on_conflict: OnConflict = "overwrite"
    media_absent: Absent = "keep"
    """What becomes of media without an identity that were added to an item, and that its record names no
    more."""
    max_errors: Budget | None = None
    """None: nothing stops it (version 0). Version 1 has 10% unless it says otherwise."""
    max_removals: Budget | None = field(default_factory=lambda: Budget(10, percent=True))
    templates: Templates = "ignore"
    comment: str = ""
    features: frozenset[Feature] = frozenset()
