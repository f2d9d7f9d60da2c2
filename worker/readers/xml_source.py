"""The beginning of an XML document, looked at by expat before anything else reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from xml.parsers import expat

from worker.errors import FileUnreadable
from worker.readers.sniff import refuse_other_kinds

CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Document:
    """A document without an internal DTD. `root`: the local name of its root element, `*` if it has none."""

    open: Callable[[], IO[bytes]]
    encoding: str
    root: str

    @property
    def fact(self) -> str:
        return f"Read as XML in {self.encoding}."


class _Stop(Exception):
    """Ends expat's parsing early."""


def open_document(path: Path, file: str) -> Document:
    """An uploaded document. Raises `FileUnreadable` for another format, and as `check_document` does."""
    refuse_other_kinds(path, file, "XML", allow=("XML",))
    return check_document(lambda: path.open("rb"), file)


def check_document(source: Callable[[], IO[bytes]], file: str) -> Document:
    """Looks at the document's beginning. `source` opens it, any number of times.

    Raises `FileUnreadable` for an internal DTD (entity bombs live there; no export
    needs one) and for an encoding that is not understood.
    """
    parser = expat.ParserCreate()
    declared: list[str] = []
    root = "*"

    def declaration(version: str, encoding: str | None, standalone: int) -> None:
        declared.append(encoding or "")

    def doctype(name: str, system: str | None, public: str | None, internal: int) -> None:
        if internal:
            raise FileUnreadable(
                "xml-doctype",
                "The document defines its own entities or structure (an internal DTD, <!DOCTYPE … [ … ]>), "
                "which is not read because it can be used to attack the reader. Take the DOCTYPE out.",
                file,
                parser.CurrentLineNumber,
            )

    def element(name: str, attributes: object) -> None:
        nonlocal root
        root = name.rpartition(":")[2]
        raise _Stop

    parser.XmlDeclHandler = declaration
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = element
    try:
        with source() as stream:
            while chunk := stream.read(CHUNK):
                parser.Parse(chunk, False)
    except _Stop:
        pass
    except (expat.ExpatError, LookupError, ValueError) as error:
        # other errors of the document are told by lxml, with its better words, when it is read
        if not isinstance(error, expat.ExpatError) or "encoding" in str(error):
            raise FileUnreadable(
                "unknown-encoding",
                f'The document declares the encoding "{"".join(declared)}", which is not understood. Save '
                "it as UTF-8.",
                file,
                1,
            ) from None
    return Document(source, (declared[0] if declared and declared[0] else "UTF-8").upper(), root)
