"""Files: one upload a request, judged by extension and content, stored under a random name."""

from __future__ import annotations

import secrets

from tests.standins.shared.multipart import Upload
from tests.standins.shared.php import to_int

from .access import Caller
from .database import Database
from .describe import Description, describe
from .errors import ApiError
from .knobs import Knobs
from .model import File, Item
from .php import number_in
from .records import Records, Sent, texts_sent
from .request import ApiRequest, json_object

_NAME_LENGTH = 255
_TEMPORARY = "(temporary upload)"


class Uploads:
    """Takes files in."""

    def __init__(self, database: Database, knobs: Knobs, records: Records) -> None:
        self._db = database
        self._knobs = knobs
        self._records = records

    def create(self, request: ApiRequest, caller: Caller) -> File:
        """A file of an item. What goes wrong once it is stored leaves it behind."""
        caller.may_add("files")
        upload, data = self._parts(request)
        item = self._db.items.get(to_int(number_in(data, "item")))
        if item is None:
            raise ApiError(400, "Invalid item. File must belong to an existing item.")
        if request.collides:
            raise ApiError(500, "The given destination is not writable")
        if self._knobs.upload_max_filesize and upload.content.size > self._knobs.upload_max_filesize:
            raise ApiError(500, f"File '{upload.name}' exceeds the defined ini size")
        description = describe(upload.content.head, upload.content.size)
        self._judge(upload, description)
        row = self._stored(item, upload, description)
        self.change(row, data)
        return row

    def change(self, row: File, data: Sent) -> None:
        """What is not its bytes: order and texts."""
        if data.get("order") is not None:
            row.order = to_int(data["order"])
        row.modified = self._db.now()
        texts = texts_sent(data)
        self._db.put(row)
        self._records.save_texts(row, texts)
        self._db.put(row)

    def remove(self, row: File) -> None:
        """Row and bytes."""
        self._db.delete(row)
        self._db.stored.delete(f"original/{row.filename}")

    def _parts(self, request: ApiRequest) -> tuple[Upload, Sent]:
        files = [upload for name, upload in request.form.files if name == "file"]
        if not files or len(files) != len(request.form.files):
            raise ApiError(400, "Invalid request. Exactly one file must be uploaded per request.")
        if "data" not in request.form.fields:
            raise ApiError(400, "Invalid request. Missing JSON data.")
        return files[-1], json_object(request.form.fields["data"])

    def _judge(self, upload: Upload, description: Description) -> None:
        complaints = []
        extension = _extension(upload.name)
        if extension.lower() not in self._knobs.extensions:
            complaints.append(_refused(upload.name, "file extension", extension))
        if description.media_type not in self._knobs.media_types:
            complaints.append(_refused(_TEMPORARY, "MIME type", description.media_type))
        if complaints:
            raise ApiError(500, "\n\n".join(complaints))

    def _stored(self, item: Item, upload: Upload, description: Description) -> File:
        self._records.columns.check(upload.name, "files", "original_filename", _NAME_LENGTH)
        filename = f"{secrets.token_hex(16)}.{_extension(upload.name).lower()}"
        self._db.stored.write(f"original/{filename}", upload.content)
        now = self._db.now()
        row = File(
            id=self._db.next_id("files"),
            item=item.id,
            added=now,
            modified=now,
            filename=filename,
            original_filename=upload.name,
            authentication=upload.content.md5,
            size=upload.content.size,
            mime_type=description.media_type,
            type_os=description.type_os,
            has_derivative=description.is_picture,
            metadata=description.metadata,
        )
        self._db.put(row)
        return row


def _extension(name: str) -> str:
    """What follows the last dot; without one, all but the first character."""
    head, dot, tail = name.rpartition(".")
    return tail if dot else (head or tail)[1:]


def _refused(name: str, what: str, value: str) -> str:
    return f"The file '{name}' could not be ingested because it has a disallowed {what} ({value})."
