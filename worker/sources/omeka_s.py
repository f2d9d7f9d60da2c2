"""An Omeka S that is read: items with their media in full, item sets, media."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from worker.errors import Fatal, Retriable
from worker.records import Json
from worker.sources.addresses import SourceFile, below
from worker.sources.asking import Refusal, SourceHttp, listed
from worker.sources.joining import Parts
from worker.sources.pages import Entry, Listed, Page, Part, number_of
from worker.sources.site import Proof, Record, failed_record

RESOURCES = ("item_sets", "items", "media")
"""What can be records, by the API's own words, in the order in which they come."""
TOTAL_HEADER = "omeka-s-total-results"
VERSION_HEADER = "omeka-s-version"
ZONES = timedelta(hours=26)
"""Omeka compares the digits of its own zone, which it does not tell: so far two clocks may be apart."""


class OmekaSSite:
    """See `Site`."""

    def __init__(self, http: SourceHttp) -> None:
        self.http = http

    async def prove(self) -> Proof:
        """With a key `/users` is asked: 403 is said to whoever Omeka takes for a stranger. (It answers
        anything else to a wrong key as to anybody, without what is private.)"""
        path = "users" if self.http.has_key else "items"
        try:
            body, headers = await self.http.json(path, (("per_page", 1),), tries=1)
        except Refusal as error:
            raise Fatal(error.code, error.message) from error
        if VERSION_HEADER not in headers or not isinstance(body, list):
            message = f"There is no Omeka S API at {self.http.site} (the source “{self.http.name}”)."
            raise Fatal("source-not-omeka", message)
        whose = "with its key" if self.http.has_key else "without a key: what is public"
        return Proof(f"Omeka S {headers[VERSION_HEADER]}, read {whose}.", clock(headers))

    async def parts(self, resources: Sequence[str], since: str) -> tuple[Part, ...]:
        named = [
            Part("resource_classes", "resource_classes", failing="run"),
            Part("resource_templates", "resource_templates", failing="run"),
        ]
        if self.http.has_key:
            named.append(Part("users", "users", failing="nothing"))
        named.append(Part("item_sets", "item_sets", failing="run"))
        wants_media = "media" in resources or "items" in resources
        if not since:
            media = [Part("media", "media")] if wants_media else []
            items = [Part("items", "items")] if "items" in resources else []
            return (*named, *media, *items)
        after = (datetime.fromisoformat(since) - ZONES).strftime("%Y-%m-%dT%H:%M:%S")
        ways = (("modified_after", after),), (("created_after", after),)
        parts = list(named)
        if "items" in resources:
            parts += [Part("items", "items", way) for way in ways]
        if wants_media:
            parts += [Part("media", "media", way) for way in ways]
        if "items" in resources:
            # A file that was added or changed does not stamp its item.
            parts.append(Part("items", "items/{}", each="changed", single=True))
            parts.append(Part("media", "media?item_id={}", each="items"))
        return tuple(parts)

    async def page(self, part: Part, number: int, size: int) -> Listed:
        path, _, fixed = part.path.partition("?")
        own = [tuple(one.split("=", 1)) for one in fixed.split("&")] if fixed else []
        query = (
            *((key, value) for key, value in own),
            *part.query,
            ("sort_by", "id"),
            ("sort_order", "asc"),
            ("per_page", size),
            ("page", number),
        )
        body, headers = await self.http.json(path, query)
        if TOTAL_HEADER not in headers:
            raise Retriable("source-failed", f"{self.http.site}: {path} has no {TOTAL_HEADER}.")
        return listed(body, headers, TOTAL_HEADER)

    def ids(self, part: Part, pages: Iterable[Page]) -> list[int]:
        items: set[int] = set()
        owners: set[int] = set()
        for page in pages:
            for entry in page.entries:
                number = number_of(dict(entry), "o:id")
                if page.part == "items" and number is not None:
                    items.add(number)
                elif page.part == "media" and (owner := number_of(entry.get("o:item"), "o:id")) is not None:
                    owners.add(owner)
        return sorted(owners - items) if part.each == "changed" else sorted(items)

    def records(self, resources: Sequence[str], pages: Iterable[Page]) -> Iterator[Record]:
        with Parts() as parts:
            names = _Names()
            base = self.http.site
            failed: dict[str, list[Page]] = {}
            for page in pages:
                if page.failed:
                    failed.setdefault(page.part, []).append(page)
                for entry in page.entries:
                    base = _base(entry) or base
                    names.note(page.part, entry)
                    number = number_of(dict(entry), "o:id")
                    if page.part in RESOURCES and number is not None:
                        owner = number_of(entry.get("o:item"), "o:id") or 0
                        parts.add(page.part, owner, 0, number, entry)
            for part, lost in failed.items():
                if part in resources:
                    yield from (failed_record("source-page-failed", page.failed) for page in lost)
            shaping = _Shaping(self.http.name, (self.http.site, base), names)
            for resource in RESOURCES:
                if resource not in resources:
                    continue
                for entry in parts.every(resource):
                    yield _record(resource, entry, parts, shaping, media_failed="media" in failed)


class _Names:
    """What numbers stand for in that Omeka."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, int], str] = {}

    def note(self, part: str, entry: Entry) -> None:
        key = {
            "resource_classes": "o:term",
            "resource_templates": "o:label",
            "users": "o:email",
            "item_sets": "o:title",
        }.get(part)
        number = number_of(dict(entry), "o:id")
        name = entry.get(key) if key else None
        if number is not None and isinstance(name, str):
            self._names[part, number] = name

    def of(self, part: str, reference: Json) -> str | None:
        number = number_of(reference, "o:id")
        return None if number is None else self._names.get((part, number))


class _Shaping:
    """Adds to an entry what another Omeka can know it by."""

    def __init__(self, source: str, sites: tuple[str, str], names: _Names) -> None:
        self._source = source
        self._sites = sites
        self._names = names

    def shaped(self, resource: str, entry: Entry) -> Record:
        record: Record = {"resource": resource, **entry}
        record["class"] = self._names.of("resource_classes", entry.get("o:resource_class"))
        record["template"] = self._names.of("resource_templates", entry.get("o:resource_template"))
        record["owner"] = self._names.of("users", entry.get("o:owner"))
        sets = entry.get("o:item_set")
        if isinstance(sets, list):
            record["item_sets"] = [self._names.of("item_sets", one) for one in sets]
        if resource == "media":
            record["file"] = self._file(entry)
        return record

    def _file(self, entry: Entry) -> Json:
        """The address by which the file is fetched; None where the media has none."""
        url, source, digest = entry.get("o:original_url"), entry.get("o:source"), entry.get("o:sha256")
        if not isinstance(url, str):
            return None
        path = below(*self._sites, url)
        if path is None:
            return url
        named = source.rpartition("/")[2] if isinstance(source, str) else ""
        name = named or path.rpartition("/")[2]
        return SourceFile(
            self._source, path, name, "sha256", digest if isinstance(digest, str) else ""
        ).address()


def _record(resource: str, entry: Entry, parts: Parts, shaping: _Shaping, *, media_failed: bool) -> Record:
    record = shaping.shaped(resource, entry)
    if resource != "items":
        return record
    number = number_of(dict(entry), "o:id") or 0
    wanted = [one for ref in _list(entry.get("o:media")) if (one := number_of(ref, "o:id")) is not None]
    there: dict[int, Entry] = {}
    for media in parts.of("media", number):
        there[number_of(dict(media), "o:id") or 0] = media
    missing = [one for one in wanted if one not in there]
    if missing and media_failed:
        return failed_record(
            "source-parts-missing",
            f"Item {number}: {len(missing)} of its {len(wanted)} media could not be read, so it is left out. "
            "Make a new batch with this control file to read it again.",
        )
    order = [one for one in wanted if one in there] + [one for one in there if one not in wanted]
    record["media"] = [shaping.shaped("media", there[one]) for one in order]
    return record


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _base(entry: Entry) -> str:
    """The address by which the site calls itself: what stands before `/api/` in that of an entry."""
    address = entry.get("@id")
    return address.rpartition("/api/")[0] if isinstance(address, str) else ""


def clock(headers: Mapping[str, str]) -> str:
    """What time it is there; here, where it does not tell."""
    try:
        told = parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        told = datetime.now(UTC)
    return told.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
