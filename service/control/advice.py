"""What is allowed and yet seldom meant."""

from __future__ import annotations

from service.control.document import Node
from service.control.model import (
    Assign,
    AttachmentReader,
    Control,
    FieldName,
    Link,
    Load,
    New,
)
from service.control.problems import Problems, quoted
from service.control.walk import parts
from service.control.words import RESOURCE_KINDS


def warn(control: Control, root: Node, problems: Problems) -> None:
    every = list(parts((control.instructions, control.files)))
    news = [part for part in every if isinstance(part, New)]
    _without_match(control, news, root, problems)
    _visibility(control, news, [part for part in every if isinstance(part, Assign)], root, problems)
    _unused_matches(control, every, root, problems)
    _idle(control, root, problems)


def _without_match(control: Control, news: list[New], root: Node, problems: Problems) -> None:
    told: set[str] = set()
    for new in news:
        where = new.destination
        if new.match is not None or where.kind not in RESOURCE_KINDS or where.label in told:
            continue
        if new.pointer.startswith("/recordProcessor"):
            continue  # the media of a preset are known by their item and their file
        told.add(where.label)
        remedy = 'give it a "match"'
        if control.version == 0:
            remedy = 'version 1 of the language has "match" for that'
        said = f"{quoted(where.label)} has no identity, so running this twice creates everything twice;"
        said += f" {remedy}."
        problems.warn("no-match", root.find(new.pointer), said)


def _visibility(
    control: Control, news: list[New], assigns: list[Assign], root: Node, problems: Problems
) -> None:
    if "visibility" in root.members:
        return
    said_for = {one.destination.label for one in assigns if one.name == FieldName("public")}
    unsaid = sorted(
        {
            new.destination.label
            for new in news
            if new.destination.kind in RESOURCE_KINDS and new.destination.label not in said_for
        }
    )
    if unsaid:
        said = (
            f"nothing says whether {', '.join(unsaid)} will be public: they are created private, on no site."
        )
        remedy = 'Say "visibility".' if control.version == 1 else 'Set the name "public".'
        problems.warn("visibility", root, f"{said} {remedy}")


def _unused_matches(control: Control, every: list[object], root: Node, problems: Problems) -> None:
    used = {part.destination.label for part in every if isinstance(part, (New, Load))}
    used |= {part.to.label for part in every if isinstance(part, Link)}
    for label, match in control.match.items():
        if label not in used:
            said = f'no "new", "load" or "link" uses the match of {quoted(label)}.'
            problems.warn("unused", root.find(match.pointer), said)


def _idle(control: Control, root: Node, problems: Problems) -> None:
    for file in control.files:
        reader = file.reader
        if isinstance(reader, AttachmentReader) and not reader.records and file.instructions is not None:
            said = (
                'attachments are no records, so these instructions are never run; "records": true makes them.'
            )
            problems.warn("unused", root.find(file.pointer), said)
    listed = root.members.get("instructions")
    own = any(file.instructions is not None for file in control.files)
    if listed is not None and not control.instructions and control.record_processor is None and not own:
        problems.warn("unused", listed, "there are no instructions, so nothing will be done.")
