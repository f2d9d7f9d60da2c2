"""`files`: logical names and globs, each with its reader."""

from __future__ import annotations

import codecs
import re
import unicodedata
from datetime import datetime
from typing import Literal

from service.control import haplo
from service.control.chosen import LISTS, is_list
from service.control.context import Context
from service.control.document import Node, key_node
from service.control.instructions import instructions
from service.control.keys import Read
from service.control.kinds import entries, shown
from service.control.model import (
    AttachmentReader,
    CsvReader,
    FileSpec,
    Group,
    JsonLinesReader,
    JsonReader,
    MarcReader,
    ReaderSpec,
    SheetReader,
    SiteReader,
    TsvReader,
    XmlAttributesReader,
    XmlChildrenReader,
    XmlReader,
)
from service.control.problems import quoted
from service.control.shapes_files import GROUP, READERS, SITE_READERS

LONGEST_NAME = 255
_XML_NAME = re.compile(r"(?:[^\W\d][\w.-]*:)?[^\W\d][\w.-]*")


def read_files(context: Context, node: Node | None) -> tuple[FileSpec, ...]:
    """In the order of the file. What is wrong is reported."""
    made = (_file(context, child) for _, child in entries(node))
    return tuple(spec for spec in made if spec is not None)


def _file(context: Context, node: Node) -> FileSpec | None:
    pattern = _pattern(context, key_node(node))
    word = node.members.get("read") if node.kind == "object" else None
    if word is None or word.kind != "string":
        said = (
            'a file needs "read", the name of a reader.'
            if word is None
            else f"must be a text, not {shown(word)}."
        )
        context.problems.error("missing-key" if word is None else "wrong-kind", word or node, said)
        return None
    reader = READERS.get(word.text)
    if reader is None or reader.since > context.version:
        _unknown_reader(context, word)
        return None
    given = context.read(reader.shape, node)
    own = given.get("instructions")
    if reader.name in SITE_READERS and ("*" in pattern or pattern == "DEFAULT"):
        said = f'{quoted(pattern)} can be no name of a source\'s records: give them one, such as "old-site".'
        context.problems.error("value", key_node(node), said)
    exact = "*" not in pattern and pattern != "DEFAULT" and reader.name not in SITE_READERS
    return FileSpec(
        pattern,
        reader.name,
        _reader(context, reader.name, given),
        required=given.flag("required", exact and context.version == 1),
        instructions=instructions(context, own) if own is not None else None,
        on_error=context.on_error(given, None),
        fill_down=given.texts("fillDown"),
        group=_group(context, given.get("group")),
        pointer=node.pointer,
    )


def _pattern(context: Context, node: Node) -> str:
    """A name as `POST file` takes it; `*` makes it a glob."""
    text = unicodedata.normalize("NFC", node.text)
    fault = name_fault(text)
    if fault is not None:
        context.problems.error("value", node, f"{quoted(text)} can be no name of a file: {fault}.")
    elif is_list(text):
        said = f"{quoted(text)} can be no file of records: {quoted(LISTS)} begins lists of identifiers."
        context.problems.error("value", node, said)
    elif context.version == 0 and "*" in text:
        context.problems.error("version-1-key", node, f"globs such as {quoted(text)} belong to version 1.")
    return text


def name_fault(name: str) -> str | None:
    """Why a logical name cannot be one; None when it can."""
    if not 1 <= len(name) <= LONGEST_NAME:
        return f"it has {len(name)} characters, 1 to {LONGEST_NAME} are allowed"
    if any(unicodedata.category(char) == "Cc" for char in name):
        return "it holds a control character"
    if ".." in name.split("/"):
        return 'it has a segment ".."'
    return None


def _unknown_reader(context: Context, node: Node) -> None:
    name = node.text
    if name in READERS:
        said = f'the reader "{name}" belongs to version 1: set "dataImportControlFileVersion" to 1.'
        context.problems.error("version-1-key", node, said)
        return
    allowed = haplo.READERS if context.version == 0 else READERS
    context.problems.unknown("unknown-reader", node, "reader", name, allowed)


def _group(context: Context, node: Node | None) -> Group | None:
    if node is None:
        return None
    given = context.read(GROUP, node)
    return Group(given.texts("by"), given.text("rows"))


def _reader(context: Context, name: str, given: Read) -> ReaderSpec:
    """The options of one of `READERS`."""
    match name:
        case "json":
            return _json(context, given)
        case "jsonl":
            return JsonLinesReader()
        case "csv":
            return _csv(context, given)
        case "tsv-with-name-row":
            return TsvReader(given.text("separator", "\t"), _encoding(context, given, "charset") or "utf-8")
        case "xlsx" | "ods":
            return _sheet(name, given)
        case "xml":
            return _xml(context, given)
        case "marc":
            return MarcReader(_encoding(context, given, "encoding"))
        case "xml-text-of-children":
            return XmlChildrenReader(given.flag("singleRecord"))
        case "xml-attributes":
            return XmlAttributesReader(given.flag("singleRecord"))
        case "omeka-classic" | "omeka-s":
            return _site(context, name, given)
        case _:
            return AttachmentReader(given.flag("archive"), given.flag("records"))


def _site(context: Context, name: Literal["omeka-classic", "omeka-s"], given: Read) -> SiteReader:
    since = given.get("since")
    if since is not None and since.text != "last":
        try:
            datetime.fromisoformat(since.text)
        except ValueError:
            said = f'{quoted(since.text)} is no date: write it as "2026-05-01" or "2026-05-01T12:00:00Z".'
            context.problems.error("value", since, said)
    resources = dict.fromkeys(given.texts("resources") or ("items",))
    return SiteReader(name, given.text("from"), tuple(resources), since.text if since is not None else "")


def _json(context: Context, given: Read) -> JsonReader:
    at = given.get("at")
    path = () if at is None else tuple(at.text.split(".")) if at.kind == "string" else given.texts("at")
    if at is not None and not all(path):
        context.problems.error(
            "value", at, f"{quoted(at.text)} is no path: keys from the root, joined by dots."
        )
    if at is not None and given.flag("singleRecord"):
        said = '"singleRecord" takes the document itself; it excludes "at".'
        context.problems.error("contradiction", given.values["singleRecord"], said)
    return JsonReader(path, given.flag("singleRecord"))


def _csv(context: Context, given: Read) -> CsvReader:
    separator, quote = given.text("separator") or None, given.text("quote", '"')
    if separator == quote or separator in ("\n", "\r") or quote in ("\n", "\r"):
        context.problems.error(
            "contradiction", given.node, "separator and quote must differ, and neither may be a line break."
        )
    header = given.get("header")
    names = given.texts("header") if header is not None else None
    if names is not None and header is not None:
        _no_twins(context, header, names)
    return CsvReader(
        separator, quote, _encoding(context, given, "encoding"), names, given.text("comments") or None
    )


def _no_twins(context: Context, node: Node, names: tuple[str, ...]) -> None:
    for place, name in enumerate(names):
        if name and name in names[:place]:
            context.problems.error(
                "contradiction", node.items[place], f"the column {quoted(name)} stands twice."
            )


def _encoding(context: Context, given: Read, key: str) -> str | None:
    node = given.get(key)
    if node is None:
        return None
    try:
        info = codecs.lookup(node.text)
    except (LookupError, ValueError, UnicodeError):
        info = None
    if info is None or not info._is_text_encoding:
        context.problems.error(
            "value", node, f"{quoted(node.text)} is no encoding; utf-8 and windows-1252 are."
        )
        return None
    return info.name


def _sheet(name: str, given: Read) -> SheetReader:
    sheet = given.get("sheet")
    which: str | int | None = None
    if sheet is not None:
        which = int(sheet.scalar) if isinstance(sheet.scalar, (int, float)) else sheet.text
    cells = given.text("cells", "shown")
    return SheetReader(
        "xlsx" if name == "xlsx" else "ods",
        which,
        given.whole("headerRow", 1),
        "raw" if cells == "raw" else "shown",
    )


def _xml(context: Context, given: Read) -> XmlReader:
    path = given.text("record").strip("/")
    namespaces = given.get("namespaces")
    prefixes = {key: child.text for key, child in namespaces.members.items()} if namespaces else {}
    record = given.get("record")
    if record is not None:
        for step in path.split("/"):
            _xml_name(context, record, step, prefixes)
    repeat = given.get("repeat")
    for item in repeat.items if repeat is not None else ():
        _xml_name(context, item, item.text, prefixes)
    return XmlReader(path, given.texts("repeat"), tuple(prefixes.items()))


def _xml_name(context: Context, node: Node, name: str, prefixes: dict[str, str]) -> None:
    if name != "*" and not _XML_NAME.fullmatch(name):
        context.problems.error("value", node, f"{quoted(name)} is no name of an XML element.")
        return
    prefix, colon, _ = name.partition(":")
    if colon and prefix not in prefixes:
        said = f'the prefix {quoted(prefix)} is not declared: add "namespaces": {{"{prefix}": "…"}}.'
        context.problems.error("value", node, said)
