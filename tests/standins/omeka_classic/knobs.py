"""What a test may change about the stand-in while it runs."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

MIB = 1024 * 1024
PLUGINS = ("ExhibitBuilder", "Geolocation", "SimplePages")
_WHITELIST = json.loads(Path(__file__).with_name("whitelist.json").read_bytes())
EXTENSIONS: list[str] = _WHITELIST["extensions"]
MEDIA_TYPES: list[str] = _WHITELIST["media_types"]


class Knobs(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Limits and states of the site. Sizes are bytes; ``0`` switches a limit off.

    ``delay_ms`` is spent in one of ``workers`` slots before a request is carried out; ``workers=0`` means as
    many as there are requests.
    """

    delay_ms: float = 0.0
    workers: int = 0
    client_max_body_size: int = 80 * MIB
    """Of the web server: 413."""
    post_max_size: int = 64 * MIB
    """Of PHP: what is over it arrives as a request without parts."""
    upload_max_filesize: int = 32 * MIB
    per_page: int = 50
    """The site's limit of records in one answer; more is cut to it without a word."""
    api_enabled: bool = True
    filter_element_texts: bool = False
    """The site's option that leaves ``html`` out of every text."""
    override_only: bool = False
    """The host refuses PUT and DELETE; ``X-HTTP-Method-Override`` on POST works."""
    utf8mb4: bool = False
    """Whether the tables take characters beyond the basic plane; otherwise they answer 500."""
    uploads_collide: bool = False
    """Whether an upload fails while another one is under way."""
    deadlocks: int = 0
    """Each so-many-th text that is saved is answered with a 500 of the database's instead; what of its record
    was saved before stays, as nothing is a transaction. 0: none."""
    version: str = "3.2.1"
    plugins: list[str] = msgspec.field(default_factory=lambda: [*PLUGINS])
    """Those that bring resources of the API: any of ``PLUGINS``."""
    clock: int = 0
    """The time of stamps, in seconds since 1970, so that a test says what happens in the same second; 0: the
    real one."""
    extensions: list[str] = msgspec.field(default_factory=lambda: list(EXTENSIONS))
    media_types: list[str] = msgspec.field(default_factory=lambda: list(MEDIA_TYPES))
    title: str = "Real Omeka Classic"
    description: str = ""
    author: str = ""
    copyright: str = ""

    @property
    def is_3_1(self) -> bool:
        """Whether the site knows the search parameters that came with 3.1."""
        return [int(part) for part in self.version.split(".")[:2]] >= [3, 1]
