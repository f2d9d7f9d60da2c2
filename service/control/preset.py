"""A preset on its way into a control file: its matches and instructions as if they stood there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from service.control import classic_site, classic_to_classic
from service.control.context import Context
from service.control.document import Node, read_document
from service.control.model import FileSpec, RecordProcessor, SiteReader


class Preset:
    """What the preset adds. Pointers into it begin with `/recordProcessor`."""

    def __init__(self, context: Context, root: Node, processor: RecordProcessor) -> None:
        self._context = context
        self._node = root.members["recordProcessor"]
        self._processor = replace(processor, model=context.model)
        self._source = _source(root)
        self._into = classic_to_classic if context.model == "omeka-classic" else classic_site
        if context.model == "omeka":
            said = f'{classic_site.NAME} must know into what: set "model" to "omeka-s" or "omeka-classic".'
            context.problems.error("not-supported", self._node, said)
        if context.model == "omeka-classic":
            self._refuse_options()
        if not self._source:
            said = (
                f'{classic_site.NAME} reads an Omeka Classic: "files" needs an entry of the reader '
                '"omeka-classic".'
            )
            context.problems.error("missing-key", self._node, said)

    def matches(self, given: Node | None) -> Node:
        """Those of the control file, and of the preset the others."""
        node = self._graft(self._into.matches(self._processor, self._source), "match")
        for label, own in given.members.items() if given is not None and given.kind == "object" else ():
            ours = node.members.get(label)
            node.members[label] = own if ours is None or own.kind != "object" else _over(ours, own)
        return node

    def instructions(self) -> Node:
        return self._graft(self._into.instructions(self._processor), "instructions")

    def files(self, files: Iterable[FileSpec]) -> tuple[FileSpec, ...]:
        """What is read of the source, and how its records are made ready."""
        return tuple(self._file(file) for file in files)

    def _file(self, file: FileSpec) -> FileSpec:
        reader = file.reader
        if (
            not isinstance(reader, SiteReader)
            or reader.kind != "omeka-classic"
            or file.instructions is not None
        ):
            return file
        resources = self._into.resources(self._processor)
        if reader.resources != ("items",):  # the control file says which
            resources = reader.resources
        return replace(file, reader=replace(reader, resources=resources, preset=self._processor))

    def _refuse_options(self) -> None:
        for key, why in classic_to_classic.UNOFFERED.items():
            if (said := self._node.members.get(key)) is not None:
                text = f'the API of an Omeka Classic {why}: leave "{key}" out.'
                self._context.problems.error("not-supported", said, text)

    def _graft(self, content: Any, key: str) -> Node:
        node = read_document(json.dumps(content).encode()).root
        assert node is not None, "it is JSON"
        for one in node.walk():
            one.lines = None
        node.parent, node.key, node.lines = self._node, key, None
        return node


def _over(ours: Node, own: Node) -> Node:
    """What the control file says of a match, over what the preset says of it."""
    said = own.members.keys()
    reads = {"source", "expression", "filters"} if said & {"source", "expression", "by"} else set[str]()
    rest = {key: one for key, one in ours.members.items() if key not in reads}
    return replace(own, members={**rest, **own.members})


def _source(root: Node) -> str:
    """The source that the control file reads, by its name; "" for none."""
    files = root.members.get("files")
    for entry in files.members.values() if files is not None else ():
        reader, source = entry.members.get("read"), entry.members.get("from")
        if reader is not None and reader.text == "omeka-classic" and source is not None:
            return source.text
    return ""
