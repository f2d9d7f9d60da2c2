"""Files that become thumbnails: bound to their bytes by rules of their own, or left out with a reason."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import cast

import pytest

from tests.acceptance.pictures import jpeg, pdf, png, text
from worker.attachments.attaching import Attaching
from worker.attachments.contents import Contents
from worker.attachments.index import Attachment, Attachments
from worker.attachments.kinds import TAIL, Ends
from worker.attachments.rules import FileRules
from worker.records import (
    Content,
    Draft,
    Fields,
    FileName,
    Mapped,
    MediaSource,
    OnError,
    is_picture_name,
    picture_name,
)
from worker.targets.omeka_s.others.reading import assets_of
from worker.targets.omeka_s.vocabulary import Coming, Unknown, Vocabulary, assets_from

FILES = {
    "a.jpg": jpeg("a"),
    "again.jpg": jpeg("a"),
    "b.png": png("b"),
    "named.png": jpeg("c"),
    "scan.pdf": pdf(1),
    "notes.jpg": text("n"),
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "large.jpg": jpeg("large", 9000),
    "tiff.jpg": b"II*\0" + b"0" * 40,
}


class Held:
    """Bytes by digest, as the store has them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._by_digest = {sha(one): one for one in files.values()}

    def ends(self, content: Content) -> Ends:
        whole = self._by_digest[content.digest]
        return Ends(whole, whole[-TAIL:], content.size)

    def chunks(self, content: Content) -> Iterator[bytes]:
        yield self._by_digest[content.digest]


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def settled(name: str, on_error: str = "") -> Mapped:
    attachments = Attachments(Attachment(path, sha(one), len(one)) for path, one in FILES.items())
    rules = FileRules(largest=8000, media_types=frozenset({"application/pdf"}), extensions=frozenset({"pdf"}))
    attaching = Attaching(attachments, cast("Contents", Held(FILES)), rules)
    named = FileName(name, "path", False, cast("OnError", on_error), "/instructions/1")
    draft = Draft("item", "item", 0, picture=MediaSource("upload", name, named=named))
    return attaching.settle(Mapped("data0", 1, (draft,)))


@pytest.mark.parametrize("name", ["a.jpg", "again.jpg", "b.png", "drawing.svg", "named.png"])
def test_a_picture_is_called_after_its_bytes_whatever_media_the_target_takes(name: str) -> None:
    (draft,) = (mapped := settled(name)).drafts
    assert draft.fields.thumbnail == picture_name(sha(FILES[name]))
    assert draft.picture == MediaSource(
        "upload",
        name,
        content=Content(sha(FILES[name]), len(FILES[name])),
        media_type="" if name == "drawing.svg" else "image/png" if name == "b.png" else "image/jpeg",
    )
    assert [one.code for one in mapped.problems] == (["attachment-belied"] if name == "named.png" else [])


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("none.jpg", "attachment-missing"),
        ("scan.pdf", "attachment-type"),
        ("notes.jpg", "attachment-type"),
        ("tiff.jpg", "attachment-type"),
        ("large.jpg", "attachment-too-large"),
    ],
)
def test_what_is_no_thumbnail_is_left_out_or_refuses_its_record(name: str, code: str) -> None:
    for said, severity in (("", "warning"), ("drop", "warning"), ("reject", "reject"), ("stop", "stop")):
        (draft,) = (mapped := settled(name, said)).drafts
        assert (draft.picture, draft.fields) == (None, Fields())
        assert [(one.code, one.severity, one.value) for one in mapped.problems] == [(code, severity, name)]
        assert mapped.problems[0].message.endswith("The thumbnail was left out.") == (severity == "warning")


def test_the_same_picture_of_another_name_means_the_same() -> None:
    (one,), (other,) = settled("a.jpg").drafts, settled("again.jpg").drafts
    assert one.canonical() == other.canonical() != settled("b.png").drafts[0].canonical()


def test_of_several_assets_that_are_the_same_picture_the_first_is_meant_and_of_others_none() -> None:
    name = picture_name(sha(b"x"))
    listed = assets_from(
        {"o:id": number, "o:name": one} for number, one in ((9, name), (4, name), (2, "L"), (3, "L"))
    )
    assert listed.find(name) == 4
    assert isinstance(listed.find("L"), Unknown)
    vocabulary = Vocabulary(assets=listed, coming=Coming({"asset": {name, picture_name(sha(b"y"))}}))
    assert not vocabulary.comes(listed, name)
    assert vocabulary.comes(listed, picture_name(sha(b"y")))
    assert not vocabulary.comes(listed, picture_name(sha(b"z")))
    assert not is_picture_name("thumbnail-of-mine")


def test_the_assets_of_a_representation_are_not_those_that_a_text_speaks_of() -> None:
    spoken = rb'{"@value":"\"o:thumbnail\":{\"o:id\":8}"},'
    assert assets_of(b'{"o:thumbnail":{"@id":"http://x/api/assets/7","o:id":7},' + spoken + b'"o:id":1}') == {
        7
    }
    assert assets_of(b'{"o:thumbnail":null,"o:owner":{"o:id":7}}') == frozenset()
    assert assets_of(b"") == frozenset()
