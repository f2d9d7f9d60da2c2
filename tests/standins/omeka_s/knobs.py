"""What a test may change about the stand-in while it runs."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

_WHITELIST = json.loads(Path(__file__).with_name("whitelist.json").read_bytes())
MEDIA_TYPES: list[str] = _WHITELIST["media_types"]
EXTENSIONS: list[str] = _WHITELIST["extensions"]

MIB = 1024 * 1024


class Knobs(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Limits and states of the server. Sizes are bytes; ``0`` or ``None`` switches a limit off.

    ``delay_ms`` is spent in one of ``workers`` slots before a request is carried out, as PHP's workers spend
    it on the key check; ``workers=0`` means as many as there are requests.
    """

    delay_ms: float = 0.0
    workers: int = 0
    upload_max_filesize: int = 32 * MIB
    post_max_size: int = 64 * MIB
    client_max_body_size: int = 80 * MIB
    header_buffer: int = 4096
    """What the web server takes of answer headers; ``Link`` repeats the query up to four times."""
    max_rendered: int = 20_000
    """Resources in one answer before PHP's memory is exhausted (500, empty body)."""
    max_join: int = 61
    """Tables in one join; each property clause of a search is one."""
    database_down: bool = False
    maintenance: bool = False
    fpm_down: bool = False
    modules: list[str] = []
    """Installed modules: NumericDataTypes, CustomVocab, ValueSuggest, DataTypeGeometry, Mapping."""
    clock: int = 0
    """The time of stamps, in seconds since 1970, so that a test says what happens in the same second; 0: the
    real one."""
    altering: dict[str, str] = {}
    """What a module does to literals when they are saved: number of the property → `drop`, `upper`."""
    time_zone: str = "UTC"
    """PHP's zone: of the digits of return_scalar=created|modified and of created_after and its like."""
    media_types: list[str] = msgspec.field(default_factory=lambda: list(MEDIA_TYPES))
    extensions: list[str] = msgspec.field(default_factory=lambda: list(EXTENSIONS))
    title: str = "Real Omeka S"
    """Name of the installation, in HTML pages."""
    version: str = "4.2.0"
