"""Which of the files of a batch are attachments, and which of them nothing used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from service.control.expected import entry_of
from service.control.model import AttachmentReader, Control
from worker.attachments import archive
from worker.attachments.index import Attachment, Attachments
from worker.context import RunLog
from worker.readers.base import count, quoted_list

if TYPE_CHECKING:
    from worker.planning.phase import InputFile


def attachments_of(control: Control, files: Sequence[InputFile]) -> Attachments:
    """Those of these files that are attachments, with what is in their zips. Blocking.

    Raises `FileUnreadable` for a zip that cannot be read, or is not to be.
    """
    return Attachments(one for file in files for one in _of(control, file))


def _of(control: Control, file: InputFile) -> Iterator[Attachment]:
    spec = entry_of(control, file.name)
    if spec is None or not isinstance(spec.reader, AttachmentReader):
        return
    if not spec.reader.archive:
        yield Attachment(file.name, file.digest, file.size)
        return
    for member in archive.members(file.path, file.name):
        yield Attachment(member.name, file.digest, member.size, member.spelt, file.name)


def say_unused(log: RunLog, attachments: Attachments) -> None:
    """Name the uploads that no record has named: somebody brought them for something."""
    left = attachments.unused()
    if not left:
        return
    files = count(len(left), "file")
    verb = "was" if len(left) == 1 else "were"
    shown = quoted_list([one.shown for one in left])
    log.say("warning", "attachment-unused", f"{files} {verb} uploaded that no record names: {shown}.")
