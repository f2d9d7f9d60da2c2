"""A whole site to load into a stand-in: the same for the same seed, to the byte.

152 items of which 13 are private, 60 files, 38 locations, tags of which one bears a comma, an element set and
an item type of its own, collections with owners, users of every role, two exhibits with pages, simple pages.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from . import sample_files, sample_pages
from .handle import StandIn
from .sample_pages import SHOWN, START, Json

ITEMS, PRIVATE, FEATURED, FILES, LOCATIONS = 152, 13, 20, 60, 38
CROWDED = 10
"""The item that gets more files where more are asked for."""
_SEVERAL = {SHOWN: 3, CROWDED: 4, 20: 5}
"""Files of the items that have more than one."""
_USERS = (
    (2, "alice", "Alice Archivist", "admin", True),
    (3, "bob", "Bob Builder", "contributor", True),
    (4, "rita", "Rita Reader", "researcher", True),
    (5, "carl", "Carl Gone", "contributor", False),
)
_TAGS = (
    "mill",
    "école",
    "flood of 1913",
    "farm",
    "labour",
    "railway",
    "1920s",
    "river",
    "street life",
    "to-check",
    "portrait",
    "family",
    "bridge",
    "Smith, John",
    "Žluť",
    "women",
)
_WITH_COMMA = _TAGS.index("Smith, John") + 1
_COLLECTIONS = (
    ("Postcards of the Riverside", 2, True),
    ("Oral Histories", 1, True),
    ("Maps and Surveys, 1840–1910", 2, True),
    ("Papers of the Mill", 3, True),
    ("Glass Plates", 3, True),
    ("Not Yet Described", 2, False),
    ("Given Without a Name", 0, True),
)
_PLACES = ("Ferry Landing", "Old Town Hall", "Mill Bridge", "Railway Station", "Rouen Cathedral")
_PEOPLE = ("Anna Høyer", "Samuel Whitcombe", "Никола Тесла", "Mary & John Smith", "Åse Lindqvist")
_SUBJECTS = ("Floods", "Agriculture", "Immigration", "Women workers", "World War, 1914-1918")
_KINDS = ("Letter from {person}", "Portrait of {person}", "Notes on {place}", "View of {place}")
_TYPES = (1, 4, 6, 8, 12, 15, 18, None)
_TITLE, _SUBJECT, _DESCRIPTION, _CREATOR, _DATE, _IDENTIFIER = 50, 49, 41, 39, 40, 43
_SHELFMARK, _CONDITION, _POSTMARK, _ADDRESSEE, _ORIGINAL_FORMAT = 52, 53, 55, 56, 7
POSTCARD = 18


@dataclass(frozen=True)
class SampleSite:
    """Sections of ``StandIn.seed`` in the API's JSON, and keys by user name."""

    sections: dict[str, list[Json]]
    keys: dict[str, str]

    def load(self, standin: StandIn) -> None:
        """Put all of it into an empty stand-in."""
        standin.seed(**self.sections)
        for user in self.sections["users"]:
            standin.add_user(
                user["role"], id=user["id"], active=user["active"], key=self.keys[user["username"]]
            )


def build(seed: int = 1, crowd: int = 0) -> SampleSite:
    """The site of a seed; ``crowd`` more files are on the item ``CROWDED``."""
    random = Random(seed)
    items = _items(random)
    files = [*_files(random, crowd)]
    shown = next(file["id"] for file in files if file["item"]["id"] == SHOWN)
    sections = {
        "users": [
            {
                "id": number,
                "username": username,
                "name": name,
                "email": f"{username}@example.org",
                "role": role,
                "active": active,
            }
            for number, username, name, role, active in _USERS
        ],
        "element_sets": [{"id": 4, "name": "Local Archive", "description": "Shelf and condition"}],
        "elements": [*_elements()],
        "item_types": [
            {
                "id": POSTCARD,
                "name": "Postcard",
                "description": "A picture postcard",
                "elements": [{"id": n} for n in (_POSTMARK, _ADDRESSEE, _ORIGINAL_FORMAT, 10)],
            }
        ],
        "tags": [{"id": number, "name": name} for number, name in enumerate(_TAGS, 1)],
        "collections": [*_collections()],
        "items": items,
        "files": files,
        "geolocations": [*_geolocations(random)],
        "exhibits": sample_pages.exhibits(),
        "exhibit_pages": sample_pages.exhibit_pages(shown),
        "simple_pages": sample_pages.simple_pages(),
    }
    keys = {username: f"{random.getrandbits(160):040x}" for _, username, *_ in _USERS}
    return SampleSite(sections, keys)


def _text(element: int, content: str, *, html: bool = False) -> Json:
    return {"element": {"id": element}, "text": content, "html": html}


def _elements() -> Iterator[Json]:
    own = (("Shelfmark", 4), ("Condition", 4), ("Accession Number", 4), ("Postmark", 3), ("Addressee", 3))
    for number, (name, element_set) in enumerate(own, 52):
        yield {"id": number, "name": name, "element_set": {"id": element_set}, "order": number - 51}


def _collections() -> Iterator[Json]:
    for number, (name, owner, public) in enumerate(_COLLECTIONS, 1):
        stamp = (START - timedelta(days=300 - number)).isoformat()
        yield {
            "id": number,
            "public": public,
            "featured": number == 1,
            "added": stamp,
            "modified": stamp,
            "owner": {"id": owner},
            "element_texts": [
                _text(_TITLE, name),
                _text(_DESCRIPTION, f"<p>The collection <em>{name}</em>.</p>", html=True),
            ],
        }


def _items(random: Random) -> list[Json]:
    # What the exhibits show is public, and so is what is crowded.
    private = set(random.sample(range(CROWDED + 1, ITEMS + 1), PRIVATE))
    featured = set(random.sample(range(1, ITEMS + 1), FEATURED))
    return [
        _item(random, number) | {"public": number not in private, "featured": number in featured}
        for number in range(1, ITEMS + 1)
    ]


def _item(random: Random, number: int) -> Json:
    # One of every type at first, so that each is there whatever the seed.
    kind = _TYPES[number - 1] if number <= len(_TYPES) else random.choice(_TYPES)
    added = START + timedelta(hours=37 * number)
    tags = random.sample(range(1, len(_TAGS) + 1), random.choice((0, 0, 1, 3, 4)))
    return {
        "id": number,
        "added": added.isoformat(),
        "modified": (added + timedelta(days=random.randint(0, 400))).isoformat(),
        "item_type": kind and {"id": kind},
        "collection": random.choice((None, *({"id": n} for n in range(1, len(_COLLECTIONS) + 1)))),
        "owner": {"id": random.choice((1, 2, 3))},
        # The tag with the comma is on every twelfth.
        "tags": [
            {"id": n, "name": _TAGS[n - 1]}
            for n in sorted({*tags, *([_WITH_COMMA] if number % 12 == 0 else [])})
        ],
        "element_texts": [*_item_texts(random, number, kind)],
    }


def _item_texts(random: Random, number: int, kind: int | None) -> Iterator[Json]:
    person, place = random.choice(_PEOPLE), random.choice(_PLACES)
    year = random.randint(1840, 1969)
    title = random.choice(_KINDS).format(person=person, place=place)
    yield _text(_TITLE, f"{title}, {year} (no. {number})")
    for subject in random.sample(_SUBJECTS, random.randint(1, 2)):
        yield _text(_SUBJECT, subject)
    yield _text(_CREATOR, person)
    yield _text(_DATE, f"{year}-{random.randint(1, 12):02}-{random.randint(1, 28):02}")
    if number % 3:
        yield _text(_DESCRIPTION, f"A record made near {place}.\nSecond line.")
    else:
        yield _text(_DESCRIPTION, f"<p>A record made near <b>{place}</b> &amp; kept.</p>", html=True)
    yield _text(_IDENTIFIER, f"SAMPLE-{year}-{number:04}")
    if number % 5 == 0:
        yield _text(_SHELFMARK, f"{random.choice('ABC')} {random.randint(1, 40)}/{number}")
        yield _text(_CONDITION, random.choice(("good", "torn", "faded")))
    if kind == POSTCARD:
        yield _text(_POSTMARK, f"RIVERSIDE {year}")
        yield _text(_ADDRESSEE, random.choice(_PEOPLE))


def _files(random: Random, crowd: int) -> Iterator[Json]:
    others = [number for number in range(1, ITEMS + 1) if number not in _SEVERAL]
    alone = random.sample(others, FILES - sum(_SEVERAL.values()))
    several = [item for item, count in _SEVERAL.items() for _ in range(count)]
    owners = sorted([*alone, *several]) + [CROWDED] * crowd
    orders: dict[int, int] = {}
    for number, item in enumerate(owners, 1):
        orders[item] = orders.get(item, 0) + 1
        yield _file(random, number, item, orders[item])


def _file(random: Random, number: int, item: int, place: int) -> Json:
    match number % 3:
        case 0:
            name, content = f"scan_{item}_{place}.pdf", sample_files.pdf(f"Scan {place} of item {item}")
        case 1:
            name, content = f"photo_{item}_{place}.png", sample_files.png(random)
        case _:
            name = f"notes é {item}_{place}.txt"
            content = sample_files.note(random, f"Note {place} on item {item}")
    stamp = (START + timedelta(days=500, minutes=number)).isoformat()
    texts = [_text(_TITLE, f"File {place} of item {item}")]
    if number % 2:
        texts.append(_text(_DESCRIPTION, "<em>Digitised</em> 2011", html=True))
    return {
        "id": number,
        "item": {"id": item},
        # Two of one item lie the other way round than they were uploaded.
        "order": {1: 2, 2: 1}.get(place, place) if item == CROWDED else place,
        "original_filename": name,
        "content": base64.b64encode(content).decode(),
        "added": stamp,
        "modified": stamp,
        "element_texts": texts,
    }


def _geolocations(random: Random) -> Iterator[Json]:
    items = sorted(random.sample(range(1, ITEMS + 1), LOCATIONS))
    for number, item in enumerate(items, 1):
        yield {
            "id": number,
            "item": {"id": item},
            "latitude": round(random.uniform(35, 60), 6),
            "longitude": round(random.uniform(-80, 20), 6),
            "zoom_level": random.randint(8, 15),
            "address": random.choice(_PLACES),
        }
