"""Built-in presets for sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from service.control.model.names import Model


@dataclass(frozen=True, slots=True)
class RecordProcessor:
    """A built-in preset for a source: only `omeka-classic-site` so far.

    `users`: names or e-mails there → e-mails here. `type_map`: item types there → classes here.
    `element_map`: elements there (`Item Type Metadata:Text`) → terms here, "" for none. `create_users`: the
    role of users that are made here; "": none are. `simple_pages`: the site here that gets them; "": they are
    left. `model`: of the control file.
    """

    name: Literal["omeka-classic-site"]
    users: Mapping[str, str] = field(default_factory=dict)
    element_sets: Literal["keep", "override"] = "keep"
    exhibits: bool = True
    geolocation: bool = True
    html: Literal["keep", "strip"] = "keep"
    type_map: Mapping[str, str] = field(default_factory=dict)
    element_map: Mapping[str, str] = field(default_factory=dict)
    create_users: str = ""
    simple_pages: str = ""
    dates: bool = False
    model: Model = "omeka-s"
    pointer: str = ""
