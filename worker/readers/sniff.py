"""What a file really is, whatever it is called: so that a wrong reader is answered with the right word."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from worker.errors import FileUnreadable

HEAD = 4096

_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", "a gzip archive. Unpack it and upload the file inside"),
    (b"BZh", "a bzip2 archive. Unpack it and upload the file inside"),
    (b"\xfd7zXZ\x00", "an xz archive. Unpack it and upload the file inside"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive. Unpack it and upload the file inside"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive. Unpack it and upload the file inside"),
    (b"Rar!\x1a\x07", "a RAR archive. Unpack it and upload the file inside"),
    (b"%PDF-", "a PDF document. Export the records as a spreadsheet, CSV, JSON or XML"),
    (b"SQLite format 3\x00", "an SQLite database. Export the table as CSV or JSON"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
)

_HTML = re.compile(rb"^\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_XML = re.compile(rb"^\s*<(?:\?xml|!--|!DOCTYPE|[A-Za-z_][\w.:-]*[\s/>])")
_JSON_ARRAY = re.compile(rb'^\s*\[\s*(?:[{\]"\[\d-]|true|false|null|$)')
_JSON_OBJECT = re.compile(rb'^\s*\{\s*(?:"|\}|$)')
_ISO_2709 = re.compile(rb"^\d{5}[a-z ][\x20-\x7e]{4}[\x20-\x7e]{2}\d{5}")

OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ZIP = b"PK\x03\x04"


def head_of(path: Path, length: int = HEAD) -> bytes:
    with path.open("rb") as stream:
        return stream.read(length)


def binary_kind(path: Path, head: bytes) -> str | None:
    """What a file that is no text is, and what to do: the end of the sentence "This is …"; None: text."""
    if head.startswith(OLE2):
        return ole2_kind(path)
    if head.startswith(ZIP):
        return _zip_kind(path)
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    return None


def ole2_kind(path: Path) -> str:
    """Encrypted workbooks and the old Excel format share a container; a name inside tells them apart."""
    with path.open("rb") as stream:
        content = stream.read(4 * 1024 * 1024)
    if "EncryptedPackage".encode("utf-16-le") in content:
        return (
            "a workbook that is locked with a password. Open it in the spreadsheet program, remove the "
            "password, save it and upload it again"
        )
    if "WordDocument".encode("utf-16-le") in content:
        return "a Word document. Export the records as a spreadsheet, CSV, JSON or XML"
    return (
        'a workbook in the old Excel format (.xls). Open it, save it as .xlsx and upload that with "read": '
        '"xlsx"'
    )


def _zip_kind(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            mimetype = archive.read("mimetype")[:100] if "mimetype" in names else b""
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
        return "a zip archive that is damaged or was cut off. Upload it again"
    if "xl/workbook.xml" in names:
        return 'an Excel workbook. Read it with "read": "xlsx"'
    if "xl/workbook.bin" in names:
        return 'a binary Excel workbook (.xlsb). Save it as .xlsx and read that with "read": "xlsx"'
    if mimetype.startswith(b"application/vnd.oasis.opendocument.spreadsheet"):
        return 'an OpenDocument spreadsheet. Read it with "read": "ods"'
    if mimetype.startswith(b"application/vnd.oasis.opendocument"):
        return "an OpenDocument file, but no spreadsheet. Save the records as .ods or CSV"
    if "word/document.xml" in names:
        return "a Word document. Export the records as a spreadsheet, CSV, JSON or XML"
    return "a zip archive. Unpack it and upload the files inside"


def text_kind(head: bytes) -> str | None:
    """What a text looks like, and the reader for it; None where it could be CSV or anything else."""
    head = _as_ascii(head)
    if _HTML.match(head):
        return (
            "an HTML page, often the login or error page of the system it was exported from. Export the "
            "records again"
        )
    if _XML.match(head):
        return 'XML. Read it with "read": "xml"'
    if _JSON_ARRAY.match(head):
        return 'a JSON array. Read it with "read": "json"'
    if _JSON_OBJECT.match(head):
        return 'JSON. Read it with "read": "json", or "jsonl" if every line is a record'
    if _ISO_2709.match(head):
        return 'MARC. Read it with "read": "marc"'
    return None


def _as_ascii(head: bytes) -> bytes:
    """UTF-16 and byte order marks taken away, as far as they matter for the patterns above."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in head[:2]:
        return head.replace(b"\xff\xfe", b"").replace(b"\xfe\xff", b"").replace(b"\x00", b"")
    return head.removeprefix(b"\xef\xbb\xbf")


def refuse_other_kinds(path: Path, file: str, wanted: str, *, allow: tuple[str, ...] = ()) -> None:
    """Raises `FileUnreadable` for an empty file, a binary one, or a text of another format.

    `wanted` names what the reader reads; `allow` are beginnings of kinds of text that may go through.
    """
    head = head_of(path)
    if not head:
        raise FileUnreadable("file-empty", "The file is empty (0 bytes). Export or upload it again.", file)
    kind = binary_kind(path, head)
    if kind is None:
        kind = text_kind(head)
        if kind is not None and kind.startswith(allow):
            return
    if kind is not None:
        raise FileUnreadable("other-format", f"This is not {wanted} but {kind}.", file)


def not_a_workbook(path: Path, file: str, wanted: str) -> FileUnreadable:
    """The error for a file that should be a workbook and is none."""
    refuse_other_kinds(path, file, wanted)
    looks = "damaged" if b"\x00" in head_of(path) else 'a text file. If it is CSV, read it with "read": "csv"'
    return FileUnreadable("other-format", f"This is not {wanted} but {looks}.", file)
