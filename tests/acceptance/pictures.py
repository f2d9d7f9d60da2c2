"""Files as collections have them, made here: small, each of its own bytes, whole by the rules of its kind."""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Mapping


def jpeg(seed: int | str, size: int = 600) -> bytes:
    """A JPEG of about so many bytes. Its data are noise: nothing here looks at the picture."""
    chance = random.Random(f"jpeg {seed}")
    app0 = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
    data = bytes(chance.randrange(0, 0xFF) for _ in range(min(size, 4096)))
    data = (data * (size // len(data) + 1))[:size]
    scan = b"\xff\xda" + struct.pack(">H", 8) + b"\x01\x01\0\0\x3f\0"
    return b"\xff\xd8" + app0 + scan + data + b"\xff\xd9"


def png(seed: int | str, side: int = 8) -> bytes:
    chance = random.Random(f"png {seed}")
    rows = b"".join(b"\0" + bytes(chance.randrange(256) for _ in range(3 * side)) for _ in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def pdf(seed: int | str) -> bytes:
    return f"%PDF-1.4\n% {seed}\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n".encode()


def text(seed: int | str) -> bytes:
    return f"Notes on {seed}.\nThey have two lines.\n".encode()


MAKERS = {"jpg": jpeg, "png": png, "pdf": pdf, "txt": text}


def picture(name: str) -> bytes:
    """What a file of that name holds: always the same."""
    return MAKERS[name.rpartition(".")[2].lower()](name)


def zipped(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
