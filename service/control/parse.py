"""A control file, from bytes to `Control` or to everything that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from service.control.advice import warn
from service.control.context import Context
from service.control.document import Node, read_document
from service.control.features import with_features
from service.control.files import read_files
from service.control.flow import check_flow
from service.control.instructions import instructions
from service.control.keys import Read
from service.control.kinds import entries, shown
from service.control.matches import read_matches
from service.control.model import (
    Budget,
    Control,
    FileSpec,
    Instruction,
    Model,
    OnConflict,
    OnError,
    RecordProcessor,
    SiteReader,
    Templates,
    Version,
)
from service.control.preset import Preset
from service.control.problems import ControlProblem, Problems, quoted
from service.control.shapes import RECORD_PROCESSOR, ROOT
from service.control.tables import read_tables

TEN_PERCENT = Budget(10, percent=True)
"""Of errors and removals, where a version-1 file does not say. Version 0 knows no such limits."""
PRESET: Literal["omeka-classic-site"] = "omeka-classic-site"
_MODELS: dict[str, Model] = {"omeka": "omeka", "omeka-s": "omeka-s", "omeka-classic": "omeka-classic"}
_ON_ERROR: dict[str, OnError] = {"reject": "reject", "drop": "drop", "stop": "stop"}
_ON_CONFLICT: dict[str, OnConflict] = {"overwrite": "overwrite", "keep": "keep", "reject": "reject"}
_TEMPLATES: dict[str, Templates] = {"ignore": "ignore", "apply": "apply", "enforce": "enforce"}


@dataclass(frozen=True, slots=True)
class ParsedControl:
    """`control` is there exactly when there are no `problems`; `warnings` may be there with either."""

    control: Control | None
    problems: tuple[ControlProblem, ...] = ()
    warnings: tuple[ControlProblem, ...] = ()


def parse_control(data: bytes) -> ParsedControl:
    """Reads a control file of any version. Never raises, whatever the bytes; tells all problems at once."""
    document = read_document(data)
    flaws = tuple(ControlProblem(flaw.code, flaw.pointer, flaw.message, flaw.line) for flaw in document.flaws)
    if document.root is None:
        return ParsedControl(None, flaws)
    problems = Problems()
    control = _control(document.root, problems)
    said = (*flaws, *problems.said())
    warnings = tuple(problems.warnings)
    return ParsedControl(None if said else control, said, warnings)


def _control(root: Node, problems: Problems) -> Control | None:
    if root.kind != "object":
        problems.error("not-an-object", root, f"a control file is an object, not {shown(root)}.")
        return None
    _todos(root, problems)
    version = _version(root, problems)
    given = Context(version, "omeka", problems).read(ROOT, root)
    context = Context(version, _MODELS.get(given.text("model"), "omeka"), problems)
    processor = _processor(context, given.get("recordProcessor"))
    preset = Preset(context, root, processor) if processor is not None else None
    read_tables(context, given.get("mapping"))
    read_matches(context, preset.matches(given.get("match")) if preset else given.get("match"))
    listed = instructions(context, given.get("instructions"))
    files = read_files(context, given.get("files"))
    if preset is not None:
        listed = (*instructions(context, preset.instructions()), *listed)
        files = preset.files(files)
    _check_instructions(given, files, processor, problems)
    _check_since(context, files, root)
    for run in _lists(listed, files):
        check_flow(run, root, version, problems, made_elsewhere=processor is not None)
    control = Control(
        version=version,
        model=context.model,
        files=files,
        instructions=listed,
        match=context.matches,
        media_absent=context.media_absent,
        mappings=context.tables,
        target=given.text("target") or None,
        visibility="public" if given.text("visibility") == "public" else "private",
        sites=_sites(given.get("sites")),
        record_processor=processor,
        on_error=_ON_ERROR.get(given.text("onError"), "reject"),
        on_conflict=_ON_CONFLICT.get(given.text("onConflict"), "overwrite"),
        max_errors=_budget(given.get("maxErrors"), problems) or (TEN_PERCENT if version == 1 else None),
        max_removals=_budget(given.get("maxRemovals"), problems) or TEN_PERCENT,
        templates=_TEMPLATES.get(given.text("templates"), "ignore"),
        comment=given.text("comment"),
    )
    warn(control, root, problems)
    return with_features(control)


def _lists(listed: tuple[Instruction, ...], files: tuple[FileSpec, ...]) -> list[tuple[Instruction, ...]]:
    return [listed, *(file.instructions for file in files if file.instructions is not None)]


def _todos(root: Node, problems: Problems) -> None:
    """What a generator was not sure of it leaves as a text that begins with TODO."""
    for node in root.walk():
        if node.kind == "string" and node.text.lstrip().startswith("TODO"):
            problems.error(
                "todo", node, f"{quoted(node.text)} is still to be decided; put the right value here."
            )
        if isinstance(node.key, str) and node.key.startswith("TODO"):
            problems.error(
                "todo", node, f"the key {quoted(node.key)} is still to be decided; put the right one here."
            )


def _version(root: Node, problems: Problems) -> Version:
    node = root.members.get("dataImportControlFileVersion")
    if node is None or node.kind != "number":
        return 1
    if node.scalar == 0:
        return 0
    if node.scalar != 1:
        problems.error(
            "unknown-version", node, f"there is no version {node.scalar}; say 1, or 0 for Haplo's."
        )
    return 1


def _processor(context: Context, node: Node | None) -> RecordProcessor | None:
    if node is None:
        return None
    if node.kind == "string":
        if node.text != PRESET:
            context.problems.unknown("unknown-word", node, "recordProcessor", node.text, (PRESET,))
            return None
        return RecordProcessor(PRESET, pointer=node.pointer)
    if context.version == 0:
        said = "a recordProcessor with options belongs to version 1; say its name."
        context.problems.error("version-1-key", node, said)
        return None
    given = context.read(RECORD_PROCESSOR, node)
    return RecordProcessor(
        PRESET,
        users=_texts(given.get("users")),
        element_sets="override" if given.text("elementSets") == "override" else "keep",
        exhibits=given.flag("exhibits", True),
        geolocation=given.flag("geolocation", True),
        html="strip" if given.text("html") == "strip" else "keep",
        type_map=_texts(given.get("typeMap")),
        element_map=_texts(given.get("elementMap")),
        create_users=given.text("createUsers"),
        simple_pages=given.text("simplePages"),
        dates=given.flag("dates"),
        pointer=node.pointer,
    )


def _texts(node: Node | None) -> dict[str, str]:
    return {key: child.text for key, child in entries(node)}


def _check_instructions(
    given: Read, files: tuple[FileSpec, ...], processor: RecordProcessor | None, problems: Problems
) -> None:
    """A root list may be left out when nothing would run it."""
    if "instructions" in given.node.members or processor is not None:
        return
    if "recordProcessor" in given.node.members or (
        files and all(file.instructions is not None for file in files)
    ):
        return
    problems.error("missing-key", given.node, 'the control file needs "instructions", which must be a list.')


def _check_since(context: Context, files: tuple[FileSpec, ...], root: Node) -> None:
    """What was not changed is not read then; it must not count as gone."""
    removing = sorted(label for label, match in context.matches.items() if match.absent != "keep")
    for file in files:
        if removing and isinstance(file.reader, SiteReader) and file.reader.since:
            labels = ", ".join(map(quoted, removing))
            said = (
                f'"since" reads only what has changed, so "absent" of {labels} would '
                "remove all the rest. Leave out one of the two."
            )
            context.problems.error("contradiction", root.find(file.pointer), said)


def _sites(node: Node | None) -> tuple[str | int, ...]:
    return tuple(
        int(item.scalar) if isinstance(item.scalar, (int, float)) else item.text
        for item in (node.items if node is not None else ())
    )


def _budget(node: Node | None, problems: Problems) -> Budget | None:
    if node is None:
        return None
    if isinstance(node.scalar, (int, float)):
        return Budget(node.scalar, percent=False)
    amount = float(node.text.rstrip("% "))
    if amount > 100:
        problems.error("value", node, f"must be at most 100%, not {quoted(node.text)}.")
    return Budget(amount, percent=True)
