"""The bytes of attachments, wherever they stand: looked at in one pass, and streamed as often as needed."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator

from service.store.blobs import BlobMissingError, BlobStore, Digest
from worker.attachments import archive
from worker.attachments.kinds import HEAD, TAIL, Ends
from worker.errors import Reject
from worker.records import Content


class Contents:
    """Bytes in the blob store. Blocking."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    def chunks(self, content: Content) -> Iterator[bytes]:
        """All bytes, in order. Raises `Reject` where they are not there any more, or cannot be read."""
        try:
            if not content.archive:
                yield from self._blobs.open_range(Digest(content.digest))
                return
            yield from archive.chunks(self._blobs.local_path(Digest(content.archive)), content.member)
        except BlobMissingError as error:
            message = "The store no longer holds the bytes of this file. Upload it again."
            raise Reject("blob-missing", message) from error
        except archive.DAMAGED as error:
            if content.archive:
                raise Reject("attachment-damaged", damaged(content.member)) from error
            raise

    def size(self, digest: str) -> int:
        """Bytes of a file. Raises `FileNotFoundError` where the store no longer holds it."""
        found = self._blobs.size(Digest(digest))
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "the store no longer holds its bytes")
        return found

    def ends(self, content: Content) -> Ends:
        """The two ends of a file of its own."""
        digest = Digest(content.digest)
        head = b"".join(self._blobs.open_range(digest, 0, min(HEAD, content.size)))
        tail = b"".join(self._blobs.open_range(digest, max(0, content.size - TAIL), content.size))
        return Ends(head, tail, content.size)

    def look_at(self, archived: str, member: str) -> tuple[Content, Ends]:
        """What a member of a zip is: read once, to its end. Raises `Reject` where it is damaged."""
        hashed, size = hashlib.sha256(), 0
        head, tail = bytearray(), bytearray()
        for chunk in self.chunks(Content("", 0, archived, member)):
            hashed.update(chunk)
            size += len(chunk)
            if len(head) < HEAD:
                head += chunk[: HEAD - len(head)]
            tail += chunk
            if len(tail) > 2 * TAIL:
                del tail[:-TAIL]
        content = Content(hashed.hexdigest(), size, archived, member)
        return content, Ends(bytes(head), bytes(tail[-TAIL:]), size)


def damaged(name: str) -> str:
    return f"“{name}” in the zip is damaged: its bytes are not those that were packed. Make the zip again."
