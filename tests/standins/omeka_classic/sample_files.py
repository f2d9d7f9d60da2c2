"""Small files of several types, made from nothing but a number."""

from __future__ import annotations

import struct
import zlib
from random import Random

_SIDE = (8, 40)


def png(random: Random) -> bytes:
    """A picture of random stripes."""
    width, height = random.randint(*_SIDE), random.randint(*_SIDE)
    stripes = [random.randbytes(3) for _ in range(height)]
    pixels = b"".join(b"\0" + stripe * width for stripe in stripes)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def pdf(text: str) -> bytes:
    """A document of one page that says ``text`` (ASCII, without brackets)."""
    stream = f"BT /F1 18 Tf 40 700 Td ({text}) Tj ET".encode("ascii")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return body + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (size, table, size, len(body))
    )


def note(random: Random, text: str) -> bytes:
    """A few lines of text in UTF-8."""
    lines = [f"{text} – {random.randrange(10**9):09d}" for _ in range(random.randint(2, 6))]
    return ("\n".join(lines) + "\n").encode()
