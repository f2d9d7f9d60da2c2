"""Writes of Omeka Classic: one request each, but for what its API cannot do in one.

Files are uploaded one at a time: two at a time fail now and then. The first record of a new tag is written
before any other that bears it. The order of an item's files is a number of each of them.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

import msgspec
import orjson

from worker.attachments.contents import Contents
from worker.errors import AccessionError
from worker.records import Content, Json
from worker.stopping import StoppedError
from worker.targets.base import Answer, Done, Lost, Method, NotDone, Operation, Saved, Touched
from worker.targets.decoding import decode
from worker.targets.http import Outcome, Verb
from worker.targets.multipart import FilePart, Form
from worker.targets.omeka_classic import places, structure
from worker.targets.omeka_classic.answers import judge, judge_location
from worker.targets.omeka_classic.client import ClassicClient
from worker.targets.omeka_classic.payloads import Body, request_body
from worker.targets.omeka_classic.places import GONE, PLACE
from worker.targets.omeka_classic.representation import MEDIA, SHA256, UPLOADS, reference, saved_from, tags
from worker.targets.omeka_classic.structure_payloads import WITHOUT
from worker.targets.omeka_classic.tags import TagTurns
from worker.targets.omeka_classic.vocabulary import number_of, text_of
from worker.targets.verdict import Verdict, answer_to_write, file_gone


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
        """Raises `StoppedError` before its first request, and nothing else."""
        if operation.kind == "media" and operation.method == "create":
            async with self._uploading:
                return await self._upload(operation)
        body = _object(operation.payload) if operation.payload else {}
        if PLACE in body:
            return await self._locate(operation, body)
        if MEDIA in body:
            return await self._arrange(operation, body)
        if operation.kind in structure.KINDS and operation.method != "delete":
            return await self._structure(operation, body)
        if UPLOADS in body:
            return await self._create_with_files(operation, body)
        async with self._tags.turn(tags(body)):
            answer = self._answer(operation, await self._client.send(operation))
            if isinstance(answer, Done) and answer.saved is not None:
                self._tags.learn(tags(answer.saved.body))
                if operation.method == "create":
                    self.owner = reference(answer.saved.body, "owner") or self.owner
        return await self._knowing(answer)

    def _answer(self, operation: Operation, outcome: Outcome) -> Answer:
        answer = answer_to_write(judge(operation, outcome))
        if isinstance(answer, Done):
            return answer
        return msgspec.structs.replace(answer, message=self._client.http.redact(answer.message))

    async def _knowing(self, answer: Answer) -> Answer:
        """The answer to a change of an item, which tells only that there is a location."""
        if not isinstance(answer, Done) or answer.saved is None:
            return answer
        try:
            return msgspec.structs.replace(answer, saved=await self._client.with_place(answer.saved))
        except (AccessionError, StoppedError) as error:
            return self._unread(error)

    def _unread(self, error: Exception) -> Lost:
        text = f"It was answered, but what came of it could not be read ({error})."
        return Lost("answer-unread", self._client.http.redact(text), look_once=True)

    async def _one_of_several(self, operation: Operation, *, begun: bool) -> Answer:
        """A request of a write that has more. `begun`: one was made already."""
        try:
            return self._answer(operation, await self._client.send(operation))
        except StoppedError as error:
            if not begun:
                raise  # nothing was sent
            return self._broken_off(error)

    def _broken_off(self, error: StoppedError) -> Lost:
        """A write of several requests that was told to stop between two: what it has made is looked for."""
        return Lost("answer-unread", f"It was told to stop between its requests ({error}).", look_once=True)

    # --- places -----------------------------------------------------------------------------------

    async def _locate(self, operation: Operation, body: dict[str, Json]) -> Answer:
        """An item, and then its location. Dying between the two: that is half of the change, and is sent
        again as a whole."""
        place = body.pop(PLACE)
        item = operation.resource_id
        assert item is not None, "what has a place stands"
        assert isinstance(place, dict), "a payload says of it what it becomes"
        touched: tuple[Touched, ...] = ()
        if body:
            main = msgspec.structs.replace(operation, payload=orjson.dumps(body))
            answer = await self.carry_out(main)
            if not isinstance(answer, Done):
                return answer
            touched = answer.touched
        try:
            failed = await self._write_place(item, place)
        except StoppedError as error:
            if not body:
                raise  # nothing was sent
            return self._broken_off(error)
        if failed is not None:
            return failed
        whole = await self._whole(item) if MEDIA in body else await self._item(item)
        return whole if isinstance(whole, Lost) else Done(whole, touched)

    async def _write_place(self, item: int, place: dict[str, Json]) -> Answer | None:
        """Why the location was not written; None: it was. Whatever Omeka refuses is looked for: the item may
        have been changed before, and of two that create one location the second is told that there is one."""
        method, number = _method(place), place.pop("id", None)
        client = self._client
        if method == "create":
            body = orjson.dumps({**place, "item": {"id": item}})
            outcome = await client.http.write("POST", places.RESOURCE, body)
        else:
            verb: Verb = "PUT" if method == "update" else "DELETE"
            sent = orjson.dumps(place) if method == "update" else None
            outcome = await client.change(verb, f"{places.RESOURCE}/{number}", sent)
        verdict = judge_location(method, outcome)
        if verdict.judgement == "done" or (method == "delete" and verdict.code == "target-gone"):
            return None
        if verdict.code == "target-gone":  # somebody has deleted it: what is left to do, comparing tells
            verdict = msgspec.structs.replace(verdict, judgement="unknown", look_once=True)
        if verdict.judgement == "reject":
            verdict = msgspec.structs.replace(verdict, look_once=True)
        said = client.http.redact(f"Its geolocation: {verdict.message}")
        return answer_to_write(msgspec.structs.replace(verdict, message=said))

    async def _item(self, number: int) -> Saved | Lost:
        """An item as it stands, with its place."""
        try:
            (saved,) = await self._client.by_ids("item", [number])
        except (AccessionError, StoppedError, ValueError) as error:
            return self._unread(error)
        return saved

    # --- files ------------------------------------------------------------------------------------

    async def _upload(self, operation: Operation) -> Answer:
        if self._contents is None:
            raise ValueError("this adapter was made without the files of a batch")
        (file,) = operation.files
        sent = _Hashed(self._contents, file.content)
        try:
            self._contents.size(file.content.archive or file.content.digest)
        except OSError as error:
            return file_gone(error)
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

    async def _create_with_files(self, operation: Operation, body: dict[str, Json]) -> Answer:
        """An item that comes back, and its files after it. Where one is not known to have come, all of it
        counts as lost: it is sent again, and what came of it so far goes as what a failed create left. A file
        that is refused shows in the comparison with what was meant."""
        uploads = body.pop(UPLOADS)
        main = msgspec.structs.replace(operation, payload=orjson.dumps(body), files=())
        answer = await self.carry_out(main)
        if not isinstance(answer, Done) or answer.saved is None:
            return answer
        item = answer.saved
        for one, file in zip(uploads if isinstance(uploads, list) else (), operation.files, strict=True):
            assert isinstance(one, dict)
            payload = orjson.dumps({"item": {"id": item.id}, **one})
            sent = Operation(operation.key, "create", "media", None, payload, (file,))
            try:
                came = await self.carry_out(sent)
            except StoppedError as error:
                return self._broken_off(error)
            if isinstance(came, Lost | NotDone):
                return Lost(came.code, came.message, look_once=True)
        whole = await self._whole(item.id)
        return whole if isinstance(whole, Lost) else Done(whole)

    async def _structure(self, operation: Operation, body: dict[str, Json]) -> Answer:
        """An element set with its elements, each a request of its own, or an item type."""
        elements = body.pop("elements", []) if operation.kind == "element-set" else []
        without = body.pop(WITHOUT, [])
        number = operation.resource_id
        # Dying between its requests: a change is sent again as a whole, and what is left of it is done; of a
        # create `complete` does it.
        if operation.kind == "item-type" or operation.method == "create":
            main = msgspec.structs.replace(operation, payload=orjson.dumps(body))
            answer = self._answer(main, await self._client.send(main))
            if not isinstance(answer, Done) or answer.saved is None:
                return answer
            number = answer.saved.id
        assert number is not None
        return await self._members(operation, number, _objects(elements), _objects(without))

    async def complete(self, operation: Operation, saved: Saved) -> Answer:
        """The elements of a set that was created, as far as they are not there."""
        return await self._members(
            operation, saved.id, _objects(_object(operation.payload).get("elements")), ()
        )

    async def _members(
        self, operation: Operation, number: int, elements: Sequence[Body], without: Sequence[Body]
    ) -> Answer:
        """The elements of a set, and how it stands then with them; of an item type the latter."""
        try:
            async for verdict in self._elements(operation, number, elements, without):
                if verdict.judgement != "done":
                    return Lost(verdict.code, self._client.http.redact(verdict.message), look_once=True)
            whole = (await structure.everything(self._client, operation.kind)).get(number)
        except (AccessionError, StoppedError) as error:
            text = f"It was answered, but what came of it could not be read ({error})."
            return Lost("answer-unread", self._client.http.redact(text), look_once=True)
        return Done(whole) if whole is not None else Lost("answer-unread", "It is not there.", look_once=True)

    async def _elements(
        self, operation: Operation, number: int, wanted: Sequence[Body], without: Sequence[Body]
    ) -> AsyncIterator[Verdict]:
        """What is missing of the elements of a set is added (`209`), what is otherwise is changed, and what
        is to go and nothing uses is deleted (`215`)."""
        stands = (await structure.everything(self._client, "element-set")).get(number)
        there = {} if stands is None else structure.elements_of(stands.body)
        for one in wanted:
            element = there.get(text_of(one, "name"))
            if element is None:
                made = orjson.dumps({"element_set": {"id": number}, **one})
                yield judge("read", await self._client.http.write("POST", "elements", made))
                continue
            changed = {key: one[key] for key in structure.CHANGEABLE if key in one}
            if any(value != element.get(key) for key, value in changed.items()):
                path = f"elements/{number_of(element)}"
                yield judge("read", await self._client.change("PUT", path, orjson.dumps(changed)))
        gone = [number_of(one) for one in without if text_of(one, "name") in there]
        used = await structure.users_of(self._client, gone)
        for unused in [one for one in gone if one not in used]:
            outcome = await self._client.change("DELETE", f"elements/{unused}", None)
            yield judge(Operation(operation.key, "delete", "element-set", unused, b""), outcome)

    async def _arrange(self, operation: Operation, body: dict[str, Json]) -> Answer:
        """An item, and the order of its files: each that has another place than it should is told its own,
        and is told again after any failure."""
        item = operation.resource_id
        assert item is not None, "files that are arranged belong to an item that stands"
        order = [one for one in body.pop(MEDIA, []) or () if isinstance(one, int)]  # type: ignore[union-attr]
        try:
            standing = {one.id: one for one in await self._client.files_of(item)}
        except (AccessionError, StoppedError) as error:
            return NotDone(
                "target-failed", self._client.http.redact(f"Its files could not be read ({error}).")
            )
        touched: list[Touched] = []
        for place, number in enumerate(order, start=1):
            there = standing.get(number)
            if there is None or there.body.get("order") == place:
                continue
            placed = Operation(operation.key, "update", "media", number, orjson.dumps({"order": place}))
            answer = await self._one_of_several(placed, begun=bool(touched))
            if not isinstance(answer, Done) or answer.saved is None:
                return answer
            touched.append(Touched(there.modified, answer.saved))
        if body:
            main = msgspec.structs.replace(operation, payload=orjson.dumps(body))
            answer = await self._one_of_several(main, begun=bool(touched))
            if not isinstance(answer, Done):
                return answer
        whole = await self._whole(item)
        return whole if isinstance(whole, Lost) else Done(whole, tuple(touched))

    async def _whole(self, item: int) -> Saved | Lost:
        """An item as it stands, with its files."""
        try:
            (saved,) = await self._client.by_ids("item", [item])
            return await self._client.with_files(saved)
        except (AccessionError, StoppedError, ValueError) as error:
            return self._unread(error)


def _method(place: Mapping[str, Json]) -> Method:
    if GONE in place:
        return "delete"
    return "update" if "id" in place else "create"


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


def _objects(listed: Json) -> list[Body]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _object(data: bytes) -> dict[str, Json]:
    body = decode(data)
    assert isinstance(body, dict), "a payload is an object"
    return body
