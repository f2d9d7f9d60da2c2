"""Elements of Omeka Classic by the names of the control file: `dcterms:title` is `Dublin Core:Title`. Pure.

The fifteen of Dublin Core are called alike in both; what the plugin Dublin Core Extended adds to the set is
called by a label, of which the term is made.
"""

from __future__ import annotations

import re

from service.control.words import DCTERMS

DUBLIN_CORE = "Dublin Core"

_OTHERWISE = {
    "alternative": "Alternative Title",
    "available": "Date Available",
    "created": "Date Created",
    "educationLevel": "Audience Education Level",
    "issued": "Date Issued",
    "modified": "Date Modified",
    "spatial": "Spatial Coverage",
    "temporal": "Temporal Coverage",
    "valid": "Date Valid",
}
"""Terms whose label is not their own words."""


def _label(local: str) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", local)
    return _OTHERWISE.get(local, words[:1].upper() + words[1:])


LABELS = {f"dcterms:{local}": _label(local) for local in DCTERMS}
"""Term → name of the element of Dublin Core."""
_TERMS = {label: term for term, label in LABELS.items()}


def name_of(element_set: str, element: str) -> str:
    """How an element is called here: a term where Dublin Core has one, else in full."""
    if element_set == DUBLIN_CORE and element in _TERMS:
        return _TERMS[element]
    return f"{element_set}:{element}"


def canonical(name: str) -> str:
    """The one of several names for the same: `Dublin Core:Title` and `dc:title` are `dcterms:title`."""
    before, _, after = name.partition(":")
    if before == "dc":
        return f"dcterms:{after}"
    return name_of(before.strip(), after.strip())


def described(name: str) -> str:
    """An element as Omeka shows it, for a message."""
    return f"{DUBLIN_CORE}:{LABELS[name]}" if name in LABELS else name
