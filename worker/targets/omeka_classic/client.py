"""Requests to Omeka Classic's REST API, and the checks without which its answers cannot be trusted.

A parameter that it does not know is a 400 (`018`), also of what later versions know; so nothing is asked for
but what all versions have. Pages are as long as the site allows, whatever is asked for; the last one is the
one whose `Link` names no next (`009`, `010`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from msgspec import Struct

from worker.errors import Fatal
from worker.records import Json, Kind
from worker.targets.base import Method, Operation, Saved
from worker.targets.decoding import Unreadable
from worker.targets.http import Outcome, Reply, TargetHttp, Verb
from worker.targets.multipart import Form
from worker.targets.omeka_classic import places
from worker.targets.omeka_classic.answers import FILTERED, TOTAL_HEADER, body_of_read, judge, message_of
from worker.targets.omeka_classic.representation import MEDIA, PATHS, FilteredTexts, file_count, saved_from
from worker.targets.reading import PAGE, entries_of, number_lists, unreadable

Query = Sequence[tuple[str, str | int]]
Entry = Mapping[str, Json]

VERBS: Mapping[Method, Verb] = {"create": "POST", "update": "PUT", "delete": "DELETE"}
"""PUT is partial: what it does not name stays (`121`, `124`)."""
OVERRIDE = "X-HTTP-Method-Override"


class Page(Struct, frozen=True):
    """One page of a list. `total`: of all pages; None where the answer does not tell."""

    entries: tuple[Entry, ...]
    total: int | None
    last: bool


class ClassicClient:
    """One Omeka Classic. All reads raise `Retriable` or `Fatal`; see `worker.targets.base`."""

    def __init__(self, http: TargetHttp, *, method_override: bool = False) -> None:
        """`method_override`: changes are sent as POST from the beginning."""
        self.http = http
        self._override = method_override
        self._ranges = True
        self.places: bool | None = None
        """Whether items that are read know their places on the map; None: where this Omeka tells them."""

    # --- reading ----------------------------------------------------------------------------------

    async def page(self, path: str, query: Query = (), number: int = 1, size: int = PAGE) -> Page:
        """One page of representations, the first is 1."""
        return await self.http.read(path, (*query, ("per_page", size), ("page", number)), _page)

    async def pages(self, path: str, query: Query = (), first: int = 1) -> AsyncIterator[Page]:
        """All pages from that number on, one after the other."""
        number = first
        while True:
            page = await self.page(path, query, number)
            yield page
            if page.last:
                return
            number += 1

    async def all(self, path: str, query: Query = ()) -> list[Entry]:
        """Every entry of a list that is short, by ascending number where it changes meanwhile."""
        found: dict[Json, Entry] = {}
        async for page in self.pages(path, query):
            found.update((entry.get("id"), entry) for entry in page.entries)
        return list(found.values())

    async def offered(self) -> Entry:
        """All that its API has, by name (`004`)."""
        return await self.http.read("resources", (), _offered)

    async def one(self, path: str, number: int) -> Entry | None:
        """One record by its number; None where there is none (or the key's owner may not see it)."""
        return await self.http.read(f"{path}/{number}", (), _one)

    async def by_ids(self, kind: Kind, ids: Sequence[int]) -> list[Saved]:
        """The records with these numbers that exist, in the order of `ids`. Items come a page a request."""
        wanted = list(dict.fromkeys(ids))
        found: dict[int, Saved] = {}
        if kind == "item" and len(wanted) > 1 and self._ranges:
            found = await self._in_ranges(wanted)
        if not found:
            for number in wanted:
                entry = await self.one(PATHS[kind], number)
                if entry is not None:
                    found[number] = saved_of(entry, kind)
        items = [found[number] for number in wanted if number in found]
        return await self._with_places(items) if kind == "item" and self.places is not False else items

    async def _with_places(self, items: Sequence[Saved]) -> list[Saved]:
        """Items that know where they are. One location is asked for at a time, unless the whole list of them
        takes fewer requests: it cannot be narrowed to items (`018`)."""
        numbers = {one.id: number for one in items if (number := self._place_of(one.body)) is not None}
        found: dict[int, Entry] = {}
        if len(numbers) > FEW_PLACES:
            async for page in self.pages(places.RESOURCE):
                found.update((_number(entry), entry) for entry in page.entries)
                pages = -(-(page.total or 0) // max(len(page.entries), 1))
                if pages > len(numbers) or not numbers.values() - found.keys():
                    break
        return [
            one
            if not places.is_known(one.body) and one.id not in numbers  # a release that tells no number
            else await self._at(one, found.get(numbers.get(one.id, 0)))
            for one in items
        ]

    async def _at(self, item: Saved, place: Entry | None = None) -> Saved:
        """The item with what its location holds. `place`: where that was read already."""
        number = places.number_in(item.body)
        if place is None and number is not None:
            place = await self.one(places.RESOURCE, number)
        return saved_from({**item.body, places.PLACE: None if place is None else dict(place)}, item.kind)

    def _place_of(self, body: Entry) -> int | None:
        """The number of an item's location. Raises `Fatal` where places are asked for, and it has many."""
        try:
            return places.number_in(body)
        except places.ManyPlaces as error:
            if self.places is None:
                return None
            raise Fatal("target-unsupported", places.MANY) from error

    async def with_place(self, item: Saved) -> Saved:
        """The same, knowing where it is, if items do."""
        if self.places is False or item.kind != "item":
            return item
        (found,) = await self._with_places([item])
        return found

    async def _in_ranges(self, ids: Sequence[int]) -> dict[int, Saved]:
        """Items by a list of numbers. Where this Omeka does not know the parameter, none from then on."""
        found: dict[int, Saved] = {}
        for chunk in number_lists(ids):
            query = (("range", ",".join(map(str, chunk))), *BY_NUMBER)
            try:
                async for page in self.pages("items", query):
                    for entry in page.entries:
                        saved = saved_of(entry, "item")
                        if saved.id in chunk:
                            found[saved.id] = saved
                    if len(page.entries) > len(chunk):
                        break  # it was not understood: everything would come
            except Fatal as error:
                if error.code != "target-refused-request":
                    raise
                self._ranges = False
                return {}
        return found

    async def files_of(self, item: int) -> list[Saved]:
        """The files of an item, in their order."""
        files = await self.all("files", (("item", item),))
        return [saved_of(one, "media") for one in sorted(files, key=_place)]

    async def with_files(self, saved: Saved) -> Saved:
        """An item that knows the numbers of its files, in their order."""
        files = await self.files_of(saved.id) if file_count(saved.body) else []
        whole = saved_from({**saved.body, MEDIA: [one.id for one in files]}, saved.kind)
        if places.is_known(whole.body):
            return whole
        try:
            return await self._at(whole)
        except places.ManyPlaces as error:
            raise Fatal("target-unsupported", places.MANY) from error

    # --- writing ----------------------------------------------------------------------------------

    async def send(self, operation: Operation, form: Form | None = None) -> Outcome:
        """The one request of a write. `form`: of a file."""
        path = PATHS[operation.kind]
        verb = VERBS[operation.method]
        if operation.method == "create":
            return await self.http.write(verb, path, form or operation.payload)
        if operation.resource_id is None:
            raise ValueError(f"{operation.method} needs the number of a record")
        body = operation.payload if operation.method == "update" else None
        return await self.change(verb, f"{path}/{operation.resource_id}", body)

    async def change(self, verb: Verb, path: str, body: bytes | None) -> Outcome:
        """A PUT or DELETE; as a POST that says so where a web server before Omeka lets nothing else through.

        Such a server's refusal is none of Omeka's: nothing was done, and it is sent the other way at once.
        """
        if not self._override:
            outcome = await self.http.write(verb, path, body)
            if not _refused_by_server(outcome):
                return outcome
            self._override = True
        return await self.http.write("POST", path, body or b"", {OVERRIDE: verb})


FEW_PLACES = 2
"""As many are asked for one by one, without a look at how long the list of all is."""
BY_NUMBER: Query = (("sort_field", "id"), ("sort_dir", "a"))
NEWEST_FIRST: Query = (("sort_field", "id"), ("sort_dir", "d"))


def _refused_by_server(outcome: Outcome) -> bool:
    """Whether a web server, and not Omeka, does not take the method."""
    refused = isinstance(outcome, Reply) and outcome.status in {403, 405, 501}
    return refused and isinstance(outcome, Reply) and message_of(outcome) is None


def _number(entry: Entry) -> int:
    number = entry.get("id")
    return number if isinstance(number, int) else 0


def _place(entry: Entry) -> tuple[bool, int, int]:
    """Where a file stands among those of its item: such as have no order come last, the oldest first."""
    order = entry.get("order")
    return (not isinstance(order, int), order if isinstance(order, int) else 0, _number(entry))


def _page(outcome: Outcome) -> Page:
    entries = entries_of(body_of_read(outcome))
    assert isinstance(outcome, Reply)
    total = outcome.headers.get(TOTAL_HEADER, "")
    return Page(
        tuple(entries),
        int(total) if total.isdecimal() else None,
        'rel="next"' not in outcome.headers.get("link", "") or not entries,
    )


def _offered(outcome: Outcome) -> Entry:
    body = body_of_read(outcome)
    if not isinstance(body, dict):
        raise unreadable("an object was expected")
    return body


def _one(outcome: Outcome) -> Entry | None:
    if isinstance(outcome, Reply) and outcome.status == 404 and judge("read", outcome).code == "target-gone":
        return None
    body = body_of_read(outcome)
    if not isinstance(body, dict):
        raise unreadable("an object was expected")
    return body


def saved_of(entry: Entry, kind: Kind) -> Saved:
    """The record that an entry of a list represents. Raises `Retriable`, and `Fatal` where texts come
    without their flag for HTML."""
    try:
        return saved_from(dict(entry), kind)
    except FilteredTexts as error:
        raise Fatal("target-texts-filtered", FILTERED) from error
    except Unreadable as error:
        raise unreadable(str(error)) from error
