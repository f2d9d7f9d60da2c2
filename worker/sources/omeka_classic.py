"""An Omeka Classic that is read: items with their files and places, collections, what stands around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from service.control.shapes_files import OF_OMEKA_CLASSIC
from worker.errors import Fatal
from worker.records import Json
from worker.sources.asking import Refusal, SourceHttp, listed
from worker.sources.clocks import clock
from worker.sources.joining import Parts
from worker.sources.omeka_classic_records import KINDS, Shaping, missing_files, place_of
from worker.sources.pages import Listed, Page, Part, number_of
from worker.sources.site import Proof, Record, failed_record

TOTAL_HEADER = "omeka-total-results"
_OF_PLUGINS = ("exhibits", "exhibit_pages", "simple_pages", "geolocations")


class OmekaClassicSite:
    """See `Site`."""

    def __init__(self, http: SourceHttp, *, whatever_there_is: bool = False) -> None:
        """`whatever_there_is`: resources that the site has not are no fault."""
        self.http = http
        self._lenient = whatever_there_is

    async def prove(self) -> Proof:
        """`/site` says what it is; with a key a list is asked for too, since a wrong key is refused there."""
        try:
            body, headers = await self.http.json("site", tries=1)
            if self.http.has_key:
                await self.http.json("items", (("per_page", 1),), tries=1)
        except Refusal as error:
            raise Fatal(error.code, error.message) from error
        version = body.get("omeka_version") if isinstance(body, dict) else None
        if not isinstance(version, str):
            message = f"There is no Omeka Classic API at {self.http.site} (the source “{self.http.name}”)."
            raise Fatal("source-not-omeka", message)
        whose = "with its key" if self.http.has_key else "without a key: what is public"
        return Proof(f"Omeka Classic {version}, read {whose}.", clock(headers))

    async def parts(self, resources: Sequence[str], since: str) -> tuple[Part, ...]:
        """What plugins bring is read where the site has it; whoever names what it has not is told."""
        there = await self._resources()
        wanted = set(resources)
        for resource in resources:
            if resource in _OF_PLUGINS and resource not in there:
                if self._lenient:
                    wanted.discard(resource)
                    continue
                text = f"The source “{self.http.name}” has no {resource}: its plugin is missing, or is off."
                raise Fatal("source-refused", text)
        parts = [Part(one, one, failing="run") for one in ("element_sets", "elements", "item_types")]
        if wanted & {"items", "collections"}:
            parts.append(Part("collections", "collections"))
        parts += _items(wanted, since, "geolocations" in there)
        if "exhibits" in wanted:
            parts += [Part("exhibits", "exhibits"), Part("exhibit_pages", "exhibit_pages")]
        parts += [Part(one, one) for one in ("simple_pages", "tags") if one in wanted]
        if self.http.has_key:
            parts.append(Part("users", "users/{}", each="owners", single=True, failing="nothing"))
        return tuple(parts)

    async def _resources(self) -> set[str]:
        body, _ = await self.http.json("resources")
        return set(body) if isinstance(body, dict) else set()

    async def page(self, part: Part, number: int, size: int) -> Listed:
        path, _, fixed = part.path.partition("?")
        own = [(key, value) for key, _, value in (one.partition("=") for one in fixed.split("&") if one)]
        body, headers = await self.http.json(path, (*own, *part.query, ("per_page", size), ("page", number)))
        return listed(body, headers, TOTAL_HEADER)

    def ids(self, part: Part, pages: Iterable[Page]) -> list[int]:
        """Of `changed`: items whose files were changed though they were not. Of `items`: those with files."""
        items: dict[int, Json] = {}
        of_files: set[int] = set()
        owners: set[int] = set()
        for page in pages:
            for entry in page.entries:
                number = number_of(dict(entry))
                if page.part == "items" and number is not None:
                    items[number] = entry.get("files")
                elif page.part == "files" and (item := number_of(entry.get("item"))) is not None:
                    of_files.add(item)
                for key in ("owner", "created_by_user"):
                    owners.add(number_of(entry.get(key)) or 0)
        match part.each:
            case "owners":
                return sorted(owners - {0})
            case "changed":
                return sorted(of_files - items.keys())
            case _:
                return sorted(one for one, files in items.items() if number_of(files, "count"))

    def records(self, resources: Sequence[str], pages: Iterable[Page]) -> Iterator[Record]:
        with Parts() as parts:
            shaping = Shaping(self.http.name, self.http.site)
            failed: set[str] = set()
            for page in pages:
                if page.failed:
                    failed.add(page.part)
                    yield failed_record("source-page-failed", page.failed)
                for entry in page.entries:
                    shaping.note(page.part, entry)
                    number = number_of(dict(entry))
                    if page.part in KINDS and number is not None:
                        owner, place = place_of(page.part, entry)
                        parts.add(page.part, owner, place, number, entry)
            for resource in OF_OMEKA_CLASSIC:
                if resource not in resources:
                    continue
                for entry in parts.every(resource):
                    record = shaping.shaped(resource, entry, parts)
                    missing = missing_files(resource, entry, record, failed)
                    yield record if not missing else failed_record("source-parts-missing", missing)


def _items(wanted: set[str], since: str, has_places: bool) -> Iterator[Part]:
    """Items, and what belongs to them."""
    if not wanted & {"items", "files"}:
        return
    # A change of a place does not stamp its item either, and there is no list of changed places.
    if has_places and "items" in wanted:
        yield Part("geolocations", "geolocations")
    if not since:
        yield Part("files", "files")
        if "items" in wanted:
            yield Part("items", "items")
        return
    changed = (("modified_since", since.replace("+00:00", "Z")),)
    if "items" in wanted:
        yield Part("items", "items", changed)
    yield Part("files", "files", changed)
    if "items" in wanted:
        yield Part("items", "items/{}", each="changed", single=True)
        yield Part("files", "files?item={}", each="items")
