"""What Omeka notes of a file by its content: type, description, and facts of pictures."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from tests.standins.shared import sniff
from tests.standins.shared.php import Json

_COLOURS = {0: "grayscale", 2: "color RGB", 3: "colormap", 4: "gray+alpha", 6: "color RGBA"}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


@dataclass(frozen=True)
class Description:
    """Media type, the system's description, metadata in the API's JSON, and whether it is a picture."""

    media_type: str
    type_os: str
    metadata: dict[str, Json]
    is_picture: bool = False


def describe(content: bytes, size: int) -> Description:
    """What a file is that begins so and has so many bytes."""
    kind = _kind(content)
    if kind == "image/png" and len(content) >= 26:
        return _png(content, size)
    if kind == "application/pdf":
        return _pdf(content)
    if kind.startswith("image/"):
        return Description(kind, _picture(kind, content), {"mime_type": kind}, is_picture=True)
    return Description(kind, _text(content) if kind.startswith("text/") else "data", {})


def _kind(content: bytes) -> str:
    if not content:
        return "inode/x-empty"
    if content.lstrip().startswith(b"<?php"):
        return "text/x-php"
    return sniff.media_type(content)


def _png(content: bytes, size: int) -> Description:
    width, height, depth, colour = struct.unpack(">IIBB", content[16:26])
    bits = depth * _CHANNELS.get(colour, 1)
    interlaced = "interlaced" if content[28:29] == b"\x01" else "non-interlaced"
    video = {
        "dataformat": "png",
        "lossless": False,
        "resolution_x": width,
        "resolution_y": height,
        "bits_per_sample": bits,
        "compression_ratio": size / ((width * height * bits / 8) or 1),
    }
    return Description(
        "image/png",
        f"PNG image data, {width} x {height}, {depth}-bit/{_COLOURS.get(colour, 'unknown')}, {interlaced}",
        {"mime_type": "image/png", "video": video},
        is_picture=True,
    )


def _pdf(content: bytes) -> Description:
    found = re.match(rb"%PDF-(\d\.\d)", content)
    version = found[1].decode() if found else "1.4"
    pages = len(re.findall(rb"/Type\s*/Page\b", content))
    return Description(
        "application/pdf",
        f"PDF document, version {version}, {pages} pages",
        {"mime_type": "application/pdf"},
    )


def _picture(kind: str, content: bytes) -> str:
    if kind == "image/gif" and len(content) >= 10:
        width, height = struct.unpack("<HH", content[6:10])
        return f"GIF image data, version {content[3:6].decode('ascii', 'replace')}, {width} x {height}"
    return f"{kind.partition('/')[2].upper()} image data"


def _text(content: bytes) -> str:
    name = "ASCII text" if content.isascii() else "Unicode text, UTF-8 text"
    if b"\n" not in content:
        return f"{name}, with no line terminators"
    return f"{name}, with CRLF line terminators" if b"\r\n" in content else name
