"""What items, collections and files have in common when they are written: element texts and tags.

Nothing here is a transaction: what was written before a complaint stays.
"""

from __future__ import annotations

from typing import TypeAlias

from tests.standins.shared.php import Json, to_int

from .database import Database
from .errors import ApiError, sql
from .knobs import Knobs
from .model import Item, Record, Tag, Text
from .php import Columns, empty, flag, number_in, text

Sent: TypeAlias = dict[str, Json]
_TAG_LENGTH = 255


def texts_sent(data: Sent) -> list[Sent] | None:
    """The element texts to save, as ``element_id``, ``html`` and ``text`` where they were sent; None where
    the record's are to be left alone. Raises where the first names no element by id: then all are taken to be
    arranged by names of sets and elements, which they never are."""
    sent = data.get("element_texts")
    if not isinstance(sent, list):
        return None
    rows: list[Sent] = []
    for one in sent:
        if isinstance(one, dict):
            row = {"element_id": number_in(one, "element"), "html": one.get("html"), "text": one.get("text")}
            rows.append({name: value for name, value in row.items() if value is not None})
    if rows and "element_id" in rows[0]:
        return [row for row in rows if not empty(row.get("text"))]
    for place, row in enumerate(rows):
        for name in row:
            raise ApiError(500, f'There is no element "{place}", "{name}"!')
    return []


class Records:
    """Saves texts and tags of records."""

    def __init__(self, database: Database, knobs: Knobs) -> None:
        self._db = database
        self._knobs = knobs
        self._saved = 0

    @property
    def columns(self) -> Columns:
        """The judgement of the site's tables."""
        return Columns(utf8mb4=self._knobs.utf8mb4)

    def save_texts(self, record: Record, rows: list[Sent] | None) -> None:
        """Replace the texts, one after the other."""
        if rows is None:
            return
        record.texts = []
        for row in rows:
            for column in ("element_id", "html"):
                if column not in row:
                    raise sql(f"Column '{column}' cannot be null")
            content = text(row["text"])
            self.columns.check(content, "element_texts", "text")
            self._meet_others()
            record.texts.append(Text(to_int(row["element_id"]), content, flag(row["html"])))
            self._db.put(record)

    def _meet_others(self) -> None:
        self._saved += 1
        if self._knobs.deadlocks and self._saved % self._knobs.deadlocks == 0:
            raise sql("Deadlock found when trying to get lock; try restarting transaction")

    def tags(self, data: Sent, item: Item | None, newest: int) -> list[int] | None:
        """The tags that the record shall bear; None where they are to be left alone.

        Those that it shall not bear are taken from it at once, and new ones are made at once. ``newest`` is
        the last tag that was there when the request came.
        """
        sent = data.get("tags")
        if not isinstance(sent, list):
            return None
        names = [text(one["name"]) for one in sent if isinstance(one, dict) and one.get("name") is not None]
        kept: list[int] = []
        made: set[int] = set()
        for name in names:
            tag = self._tag(name.strip(), newest, made)
            kept.append(tag.id)
        if item is not None:
            item.tags = [n for n in item.tags if n in kept and self._db.tags[n].name in names]
        return [*dict.fromkeys(kept)]

    def _tag(self, name: str, newest: int, made: set[int]) -> Tag:
        self.columns.check(name, "tags", "name", _TAG_LENGTH)
        if not name:
            raise ApiError(500, "Name: Tags must be given a name.")
        tag = self._db.tag_named(name)
        if tag is not None and tag.id > newest and tag.id not in made:
            # It was not there when this request looked for it; somebody else was quicker.
            raise ApiError(500, "Name: That name is already taken for this tag.")
        if tag is None:
            tag = Tag(id=self._db.next_id("tags"), name=name)
            made.add(tag.id)
            self._db.put(tag)
        return tag
