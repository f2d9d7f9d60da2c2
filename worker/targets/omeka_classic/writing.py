"""Writes of Omeka Classic: one request each, but for what its API cannot do in one.

Files are uploaded one at a time: two at a time fail now and then. The first record of a new tag is written
before any other that bears it. The order of an item's files is a number of each of them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator

import msgspec
import orjson

from worker.attachments.contents import Contents
from worker.errors import AccessionError
from worker.records import Content, Json
from worker.stopping import StoppedError
from worker.targets.base import Answer, Done, Lost, Operation, Refused
from worker.targets.decoding import decode
from worker.targets.http import Outcome
from worker.targets.multipart import FilePart, Form
from worker.targets.omeka_classic.answers import judge
from worker.targets.omeka_classic.client import ClassicClient
from worker.targets.omeka_classic.payloads import request_body
from worker.targets.omeka_classic.representation import MEDIA, SHA256, reference, saved_from, tags
from worker.targets.omeka_classic.tags import TagTurns
from worker.targets.verdict import answer_to_write

_FILE_GONE = "The file cannot be read any more ({reason}). Upload it again, in another batch."


class Writer:
    """Carries out the operations of one run."""

    def __init__(self, client: ClassicClient, contents: Contents | None) -> None:
        """`contents`: the bytes of files to be sent; None: none are."""
        self._client = client
        self._contents = contents
        self._uploading = asyncio.Lock()
        self._tags = TagTurns()
        self.owner: int | None = None
        """The user of the key, once an answer has told: to it belongs what is created."""

    async def carry_out(self, operation: Operation) -> Answer:
        """Never raises."""
        if operation.kind == "media" and operation.method == "create":
            async with self._uploading:
                return await self._upload(operation)
        body = _object(operation.payload) if operation.payload else {}
        if MEDIA in body:
            return await self._arrange(operation, body)
        async with self._tags.turn(tags(body)):
            answer = self._answer(operation, await self._client.send(operation))
            if isinstance(answer, Done) and answer.saved is not None:
                self._tags.learn(tags(answer.saved.body))
                if operation.method == "create":
                    self.owner = reference(answer.saved.body, "owner") or self.owner
        return answer

    def _answer(self, operation: Operation, outcome: Outcome) -> Answer:
        answer = answer_to_write(judge(operation, outcome))
        if isinstance(answer, Done):
            return answer
        return msgspec.structs.replace(answer, message=self._client.http.redact(answer.message))

    # --- files ------------------------------------------------------------------------------------

    async def _upload(self, operation: Operation) -> Answer:
        if self._contents is None:
            raise ValueError("this adapter was made without the files of a batch")
        (file,) = operation.files
        sent = _Hashed(self._contents, file.content)
        try:
            self._contents.size(file.content.archive or file.content.digest)
        except OSError as error:
            return Refused("blob-missing", _FILE_GONE.format(reason=error.strerror or error), 0)
        name = file.name.rpartition("/")[2]
        part = FilePart("file", name, file.media_type, file.content.size, sent.chunks)
        form = Form("data", request_body(operation.payload), [part])
        answer = self._answer(operation, await self._client.send(operation, form))
        if isinstance(answer, Done) and answer.saved is not None:
            body = dict(answer.saved.body)
            if body.get("authentication") == sent.md5 and body.get("size") == file.content.size:
                # Omeka tells the MD5 of what it got: it is what was sent, whose SHA-256 is known.
                body[SHA256] = file.content.digest
            return Done(saved_from(body, "media"))
        return answer

    async def _arrange(self, operation: Operation, body: dict[str, Json]) -> Answer:
        """An item, and the order of its files: each is told its place, and told again after any failure."""
        item = operation.resource_id
        assert item is not None, "files that are arranged belong to an item that stands"
        rest = {key: value for key, value in body.items() if key != MEDIA}
        order = body[MEDIA]
        for place, number in enumerate(order if isinstance(order, list) else (), start=1):
            assert isinstance(number, int)
            placed = Operation(operation.key, "update", "media", number, orjson.dumps({"order": place}))
            answer = self._answer(placed, await self._client.send(placed))
            if not isinstance(answer, Done):
                return answer
        # Also where nothing else changes: it is answered with the item as it stands.
        main = msgspec.structs.replace(operation, payload=orjson.dumps(rest))
        answer = self._answer(main, await self._client.send(main))
        if not isinstance(answer, Done) or answer.saved is None:
            return answer
        try:
            return Done(await self._client.with_files(answer.saved))
        except (AccessionError, StoppedError) as error:
            text = f"It was answered, but what came of it could not be read ({error})."
            return Lost("answer-unread", self._client.http.redact(text), look_once=True)


class _Hashed:
    """The bytes of a file on their way, and what Omeka will tell of them."""

    def __init__(self, contents: Contents, content: Content) -> None:
        self._contents = contents
        self._content = content
        self.md5 = ""

    def chunks(self) -> Iterator[bytes]:
        hashed = hashlib.md5(usedforsecurity=False)
        for chunk in self._contents.chunks(self._content):
            hashed.update(chunk)
            yield chunk
        self.md5 = hashed.hexdigest()


def _object(data: bytes) -> dict[str, Json]:
    body = decode(data)
    assert isinstance(body, dict), "a payload is an object"
    return body
