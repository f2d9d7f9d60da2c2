"""Which files a target takes, as far as that can be known before they are sent. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from worker.attachments.kinds import EXTENSIONS, Ends, cut_off, extension, media_type
from worker.records import Content, Problem


class FileRules(Struct, frozen=True):
    """Empty sets take everything; `largest` 0: any size."""

    media_types: frozenset[str] = frozenset()
    extensions: frozenset[str] = frozenset()
    largest: int = 0
    """Bytes of one file."""
    inline_files: int = 20
    """Files that travel in the request that creates their item."""
    inline_bytes: int = 20_000_000
    """Their bytes together."""
    needs_extension: bool = False
    """Whether names of files that have no ending are refused."""
    told: bool = False
    """Whether a file is refused whose content does not tell what it is (but a drawing, which is text)."""
    remedy: str = (
        "Convert it, or let Omeka take such files (its security settings) and say so in the settings of the "
        "target."
    )


USUAL = FileRules()
_DRAWINGS = frozenset({"svg", "svgz"})


def of_pictures(rules: FileRules) -> FileRules:
    """What Omeka S takes for an asset, whatever its security settings say: pictures of these types alone."""
    return msgspec.structs.replace(
        rules,
        media_types=frozenset({"image/jpeg", "image/png", "image/gif", "image/webp", "image/svg+xml"}),
        extensions=frozenset({"jpg", "jpeg", "png", "gif", "webp"}) | _DRAWINGS,
        told=True,
        remedy="A thumbnail is a JPEG, PNG, GIF, WebP or SVG picture.",
    )


def problems(name: str, content: Content, ends: Ends, rules: FileRules) -> Iterator[Problem]:
    """What stands against sending a file of this name; warnings too."""
    if content.size == 0:
        yield _reject("attachment-empty", f"“{name}” is empty: it holds no byte.")
        return
    if rules.largest and content.size > rules.largest:
        message = f"“{name}” has {content.size:,} bytes; the target takes files of {rules.largest:,} at most."
        yield _reject("attachment-too-large", message)
    kind, ending = media_type(ends.head), extension(name)
    if not ending and rules.needs_extension:
        message = f"“{name}” has no ending, by which the target tells what it is: call it “{name}.txt”, say."
        yield _reject("attachment-type", message)
    elif ending and rules.extensions and ending not in rules.extensions:
        message = f"“{name}”: the target takes no files that end in .{ending}."
        yield _reject("attachment-type", f"{message} {rules.remedy}")
    elif kind and rules.media_types and kind not in rules.media_types:
        yield _reject(
            "attachment-type", f"“{name}” is {kind}, which the target does not take. {rules.remedy}"
        )
    elif not kind and rules.told and ending not in _DRAWINGS:
        yield _reject("attachment-type", f"“{name}” is no picture, by its content. {rules.remedy}")
    elif cut_off(ends):
        message = f"“{name}” is cut off: its end is missing. Copy it again from where it comes from."
        yield _reject("attachment-damaged", message)
    said = EXTENSIONS.get(ending, "")
    if kind and said and kind != said:
        message = f"“{name}” ends like {said}, but is {kind}. It is sent as it is."
        yield Problem("warning", "attachment-belied", message)


def _reject(code: str, message: str) -> Problem:
    return Problem("reject", code, message)
