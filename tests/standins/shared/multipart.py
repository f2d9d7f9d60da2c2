"""Multipart bodies, as PHP takes them apart."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from python_multipart import FormParser
from python_multipart.multipart import File as PartFile

from .php import Json


@dataclass(frozen=True)
class Upload:
    """A file of a multipart body."""

    name: str
    content: bytes


@dataclass
class Form:
    """The parts of a body: plain fields by name, and files in their order with the name of their part."""

    fields: dict[str, bytes] = field(default_factory=dict)
    files: list[tuple[str, Upload]] = field(default_factory=list)


def parse(body: bytes, content_type: str) -> Form | None:
    """The parts of ``body``; None where the type names no boundary."""
    boundary = re.search(r'boundary="?([^";]+)', content_type)
    if boundary is None:
        return None
    form = Form()

    def on_field(part: Json) -> None:
        form.fields[_text(part.field_name)] = part.value or b""

    def on_file(part: PartFile) -> None:
        part.file_object.seek(0)
        form.files.append((_text(part.field_name), Upload(_text(part.file_name), part.file_object.read())))
        part.close()

    parser = FormParser(
        "multipart/form-data",
        on_field,
        on_file,
        boundary=boundary[1],
        config={"MAX_MEMORY_FILE_SIZE": 1 << 30},
    )
    parser.write(body)
    parser.finalize()
    return form


def _text(name: bytes | None) -> str:
    return (name or b"").decode("utf-8", "replace")
