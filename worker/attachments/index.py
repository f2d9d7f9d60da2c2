"""The attachments of a batch by name: files of their own, and members of its zips."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from msgspec import Struct

from worker.records import FindBy


class Attachment(Struct, frozen=True):
    """One file. `path`: its name in the batch, or within its zip; `digest`: of the file, or of the zip."""

    path: str
    digest: str
    size: int
    member: str = ""
    """How the zip spells it; "": it is a file of its own."""
    file: str = ""
    """The uploaded file that it stands in, by its name in the batch."""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def shown(self) -> str:
        return f"{self.file}: {self.path}" if self.member else self.path


class Attachments:
    """Finds them, and remembers which were."""

    def __init__(self, attachments: Iterable[Attachment]) -> None:
        self._all = tuple(attachments)
        self._by: dict[tuple[FindBy, bool], dict[str, list[Attachment]]] = {}
        self._used: set[tuple[str, str]] = set()

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Attachment]:
        return iter(self._all)

    def find(self, text: str, by: FindBy, *, ignore_case: bool) -> tuple[Attachment, ...]:
        """By `path`: the whole name; where none has it, a file name that only one has. By `name`: the file
        name without folders; by `stem`: that without its extension too."""
        wanted = _key(text.strip().replace("\\", "/").removeprefix("./"), fold=ignore_case)
        found = self._among(by, ignore_case).get(wanted, [])
        if not found and by == "path":
            found = self._among("name", ignore_case).get(wanted.rpartition("/")[2], [])
        for one in found if len(found) == 1 else ():
            self._used.add((one.digest, one.member))
        return tuple(found)

    def unused(self) -> list[Attachment]:
        """Those that no record has named, in their order."""
        return [one for one in self._all if (one.digest, one.member) not in self._used]

    def use(self, attachment: Attachment) -> None:
        """It is a record itself."""
        self._used.add((attachment.digest, attachment.member))

    def nearest(self, text: str) -> str:
        """A name that somebody may have meant: the same but for case, extension or folder; "" for none."""
        for by in ("path", "name", "stem"):
            wanted = _key(text.strip().replace("\\", "/"), fold=True)
            if by != "path":
                wanted = wanted.rpartition("/")[2]
            if by == "stem":
                wanted = PurePosixPath(wanted).stem
            found = self._among(by, True).get(wanted, [])
            if found:
                return found[0].path
        return ""

    def _among(self, by: FindBy, fold: bool) -> dict[str, list[Attachment]]:
        if (by, fold) not in self._by:
            index: defaultdict[str, list[Attachment]] = defaultdict(list)
            for one in self._all:
                name = one.path if by == "path" else one.name
                index[_key(PurePosixPath(name).stem if by == "stem" else name, fold=fold)].append(one)
            self._by[by, fold] = dict(index)
        return self._by[by, fold]


def _key(text: str, *, fold: bool) -> str:
    normal = unicodedata.normalize("NFC", text)
    return normal.casefold() if fold else normal
