"""Drafts that name attachments, as media or thumbnails: each is found, looked at, and bound to its bytes, or
refused."""

from __future__ import annotations

import msgspec

from worker.attachments.contents import Contents
from worker.attachments.index import Attachment, Attachments
from worker.attachments.kinds import Ends, media_type
from worker.attachments.rules import FileRules, of_pictures, problems
from worker.errors import Reject
from worker.records import Content, Draft, FileName, Mapped, MediaSource, Problem, picture_name


class Looked:
    """What looking at an attachment has shown."""

    __slots__ = ("content", "media_type", "problems")

    def __init__(self, content: Content | None, kind: str, found: tuple[Problem, ...]) -> None:
        self.content = content
        self.media_type = kind
        self.problems = found


class Attaching:
    """Binds the media of records to the bytes of a batch. Blocking: members of zips are read."""

    def __init__(self, attachments: Attachments, contents: Contents, rules: FileRules) -> None:
        self._attachments = attachments
        self._contents = contents
        self._rules = rules
        self._pictures = of_pictures(rules)
        self._looked: dict[tuple[str, str, bool], Looked] = {}

    def settle(self, mapped: Mapped) -> Mapped:
        """The record with its attachments bound. What cannot be sent is rejected alone, unless the control
        file says that it takes its record with it, or is left out."""
        for draft in mapped.drafts:
            if draft.kind == "asset" and draft.source is not None:  # bound elsewhere; it is in use
                self._attachments.find(draft.source.value, "path", ignore_case=False)
        if not any(_names_file(draft.source) or _names_file(draft.picture) for draft in mapped.drafts):
            return mapped
        more: list[Problem] = []
        drafts: list[Draft] = []
        for draft in mapped.drafts:
            kept = self._bound(draft, more)
            if kept is not None:
                drafts.append(self._pictured(kept, more))
        return msgspec.structs.replace(mapped, drafts=tuple(drafts), problems=(*mapped.problems, *more))

    def _bound(self, draft: Draft, more: list[Problem]) -> Draft | None:
        """None: the media is left out."""
        source = draft.source
        if source is None or source.named is None:
            return draft
        named = source.named
        found = self._find(named)
        if isinstance(found, Problem):
            return _refused(draft, source, named, found, more)
        looked = self._look(found)
        refusal = next((one for one in looked.problems if one.severity != "warning"), None)
        if refusal is not None:
            return _refused(draft, source, named, refusal, more)
        more.extend(_at(one, named) for one in looked.problems)
        return msgspec.structs.replace(draft, source=_bound_to(source, named, found, looked))

    def _pictured(self, draft: Draft, more: list[Problem]) -> Draft:
        """The draft with its thumbnail bound; one that cannot be sent is left out, unless its record is not
        to be written without it."""
        source = draft.picture
        if source is None or source.named is None:
            return draft
        named = source.named
        found = self._find(named)
        looked = self._look(found, picture=True) if isinstance(found, Attachment) else _not_found(found)
        refusal = next((one for one in looked.problems if one.severity != "warning"), None)
        if refusal is not None:
            more.append(_without_picture(_at(refusal, named), named))
            return msgspec.structs.replace(draft, picture=None)
        assert isinstance(found, Attachment), "what was not found is refused"
        assert looked.content is not None, "what could not be read is refused"
        more.extend(_at(one, named) for one in looked.problems)
        fields = msgspec.structs.replace(draft.fields, thumbnail=picture_name(looked.content.digest))
        bound = _bound_to(source, named, found, looked)
        return msgspec.structs.replace(draft, picture=bound, fields=fields)

    def _find(self, named: FileName) -> Attachment | Problem:
        found = self._attachments.find(named.text, named.find_by, ignore_case=named.ignore_case)
        if len(found) == 1:
            return found[0]
        if found:
            several = ", ".join(f"“{one.shown}”" for one in found[:5])
            message = f"“{named.text}” could be {several}: name it with its folder."
            return Problem("reject", "attachment-ambiguous", message)
        if not len(self._attachments):
            return Problem(
                "reject", "attachment-missing", f"“{named.text}” was not uploaded, nor any file like it."
            )
        near = self._attachments.nearest(named.text)
        hint = f" There is “{near}”." if near else ""
        message = f"“{named.text}” is not among the {len(self._attachments):,} files of the batch.{hint}"
        return Problem("reject", "attachment-missing", message)

    def _look(self, one: Attachment, *, picture: bool = False) -> Looked:
        key = (one.digest, one.member, picture)
        if key not in self._looked:
            self._looked[key] = self._looked_at(one, self._pictures if picture else self._rules)
        return self._looked[key]

    def _looked_at(self, one: Attachment, rules: FileRules) -> Looked:
        content: Content
        ends: Ends
        try:
            if one.member:
                content, ends = self._contents.look_at(one.digest, one.member)
            else:
                content = Content(one.digest, one.size)
                ends = self._contents.ends(content)
        except Reject as error:
            return Looked(None, "", (Problem("reject", error.code, error.message),))
        found = tuple(problems(one.name, content, ends, rules))
        return Looked(content, media_type(ends.head), found)


def _not_found(problem: Problem) -> Looked:
    return Looked(None, "", (problem,))


def _names_file(source: MediaSource | None) -> bool:
    return source is not None and source.named is not None


def _bound_to(source: MediaSource, named: FileName, found: Attachment, looked: Looked) -> MediaSource:
    return msgspec.structs.replace(
        source,
        value=found.name,
        named=None,
        content=looked.content,
        media_type=looked.media_type,
        needed=named.on_error in ("reject", "stop"),
    )


def _without_picture(problem: Problem, named: FileName) -> Problem:
    if named.on_error == "reject" or named.on_error == "stop":
        return msgspec.structs.replace(problem, severity=named.on_error)
    text = f"{problem.message} The thumbnail was left out."
    return msgspec.structs.replace(problem, severity="warning", message=text)


def _at(problem: Problem, named: FileName) -> Problem:
    return msgspec.structs.replace(problem, pointer=named.pointer, value=named.text)


def _refused(
    draft: Draft, source: MediaSource, named: FileName, problem: Problem, more: list[Problem]
) -> Draft | None:
    problem = _at(problem, named)
    match named.on_error:
        case "":
            kept = msgspec.structs.replace(source, value=named.text, named=None, refused=problem)
            return msgspec.structs.replace(draft, source=kept)
        case "drop":
            text = f"{problem.message} The media was left out."
            more.append(msgspec.structs.replace(problem, severity="warning", message=text))
            return None
        case "stop" | "reject":
            more.append(msgspec.structs.replace(problem, severity=named.on_error))
            return draft
