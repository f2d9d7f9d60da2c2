"""Three hundred records with nine hundred files, some of them bad: state, order and requests, exactly."""

from __future__ import annotations

import hashlib
import io
import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import openpyxl
import psutil
import pytest

from tests.acceptance.installation import Installation
from tests.acceptance.pictures import jpeg, picture, zipped
from tests.acceptance.test_media import SCANS, media_of
from tests.standins.omeka_s import StandIn

RECORDS = 300
FILES = 900
BAD = {"cut": "attachment-damaged", "empty": "attachment-empty", "type": "attachment-type"}
LARGE = 25
"""Files of one record: five more than travel with it."""


class Collection:
    """Records with their files, drawn once. `names`: record → its files in order; `content`: file → bytes."""

    def __init__(self) -> None:
        chance = random.Random("photographs")
        self.content: dict[str, bytes] = {}
        self.bad: dict[str, str] = {}
        self.names: list[list[str]] = []
        counts = [LARGE] + [3] * (RECORDS - 26) + [2] * 24 + [FILES - LARGE - 3 * (RECORDS - 26) - 48]
        for record, count in enumerate(counts):
            names = []
            for place in range(count):
                kind = chance.choice(("jpg", "jpg", "png", "pdf", "txt"))
                name = f"{record:03}-{place:02}.{kind}"
                size = chance.choice((300, 3_000, 30_000))
                self.content[name] = jpeg(name, size) if kind == "jpg" else picture(name)
                names.append(name)
            self.names.append(names)
        chosen = sorted(chance.sample([name for name in self.content if name.endswith("jpg")], 4))
        for name, why in zip(chosen, ("cut", "cut", "empty", "type"), strict=True):
            record = int(name[:3])
            if why == "type":
                other = name.replace(".jpg", ".svg")
                self.names[record][self.names[record].index(name)] = other
                del self.content[name]
                name, content = other, b"<svg xmlns='http://www.w3.org/2000/svg'/>"
            else:
                content = b"" if why == "empty" else self.content[name][:-50]
            self.content[name], self.bad[name] = content, BAD[why]

    @property
    def records(self) -> list[dict[str, Any]]:
        return [
            {"acno": f"P{n:03}", "title": f"Photograph {n}", "scans": [{"file": one} for one in names]}
            for n, names in enumerate(self.names)
        ]

    def files(self) -> dict[str, bytes]:
        return {"data0": json.dumps(self.records).encode()} | {
            f"scans/{name}": content for name, content in self.content.items()
        }

    def expected(self, record: int) -> list[tuple[str, str]]:
        return [
            (name, hashlib.sha256(self.content[name]).hexdigest())
            for name in self.names[record]
            if name not in self.bad
        ]


def standing(omeka: StandIn) -> dict[str, list[tuple[str, str]]]:
    """Identifier → (name, digest) of its media, in order."""
    dump = omeka.dump()
    media = {one["o:id"]: (one["o:source"], one["o:sha256"]) for one in dump["media"]}
    return {
        item["dcterms:identifier"][0]["@value"]: [media[one["o:id"]] for one in item["o:media"]]
        for item in dump["items"]
    }


@pytest.mark.timeout(600)
def test_three_hundred_records_with_nine_hundred_files(accession: Installation, omeka: StandIn) -> None:
    collection = Collection()
    assert len(collection.content) == FILES
    batch = accession.batch(SCANS, collection.files())
    accession.schedule(batch)
    assert accession.wait(batch, 300) == "complete-with-errors", accession.log(batch)
    wanted = {f"P{n:03}": collection.expected(n) for n in range(RECORDS)}
    assert standing(omeka) == wanted
    overflow = LARGE - 20 - sum(name in collection.bad for name in collection.names[0])
    assert omeka.requests(0)["writes"] == RECORDS + overflow
    said = {row["identifier"]: row["code"] for row in accession.report(batch) if row["outcome"] == "rejected"}
    assert said == collection.bad

    again = accession.batch(SCANS, collection.files())
    accession.schedule(again)
    assert accession.wait(again, 300) == "complete-with-errors", accession.log(again)
    assert omeka.requests(0)["writes"] == RECORDS + overflow
    assert accession.counts(again)["unchanged"] == RECORDS + FILES - len(collection.bad)

    changed = next(name for name in collection.names[7] if name.endswith(("jpg", "png", "pdf", "txt")))
    before = media_of(omeka, "P007")
    collection.content[changed] = picture(f"other {changed}")
    third = accession.batch(SCANS, collection.files())
    accession.schedule(third)
    assert accession.wait(third, 300) == "complete-with-errors", accession.log(third)
    assert omeka.requests(0)["writes"] == RECORDS + overflow + 2
    assert standing(omeka) == wanted | {"P007": collection.expected(7)}
    kept = {one["o:id"] for one in before} & {one["o:id"] for one in media_of(omeka, "P007")}
    assert len(kept) == len(before) - 1
    assert accession.run(third, "undo") == "undone", accession.log(third)
    assert standing(omeka) == wanted


def test_scans_whose_names_tell_their_item(accession: Installation, omeka: StandIn) -> None:
    """`records: true`: each file of a zip is a record, and finds its item by its name."""
    items = accession.batch(
        {**SCANS, "files": {"data0": {"read": "json"}}},
        {"data0": json.dumps([{"acno": f"A{n}", "title": f"Work {n}"} for n in (1, 2)]).encode()},
    )
    assert accession.run(items) == "complete", accession.log(items)
    control = {
        **SCANS,
        "files": {"scans.zip": {"read": "attachment", "archive": True, "records": True}},
        "instructions": [
            {"action": "load", "destination": "item"},
            {"action": "new", "destination": "media"},
            {"source": "path", "destination": "media", "name": "file"},
            {"source": "stem", "destination": "media", "name": "dcterms:title"},
        ],
        "match": {"item": {"source": "stem", "by": "dcterms:identifier", "scope": "tests"}},
        "maxErrors": "100%",
    }
    files = {"front/A1.jpg": jpeg(1), "A2.png": picture("A2.png"), "A3.jpg": jpeg(3)}
    batch = accession.batch(control, {"scans.zip": zipped(files)})
    assert accession.run(batch) == "complete-with-errors", accession.log(batch)
    assert [one["dcterms:title"][0]["@value"] for one in media_of(omeka, "A1")] == ["A1"]
    assert media_of(omeka, "A2")[0]["o:sha256"] == hashlib.sha256(files["A2.png"]).hexdigest()
    failed = accession.get(f"batch/{batch}/failed", file="scans.zip")
    assert failed.status_code == 200
    again = accession.batch(control, {"scans.zip": zipped({k: v for k, v in files.items() if "3" not in k})})
    assert accession.run(again) == "complete", accession.log(again)
    assert accession.counts(again)["unchanged"] == 4, accession.log(again)
    assert len(omeka.dump()["media"]) == 2


def test_a_register_of_albums_with_all_scans_in_one_zip(accession: Installation, omeka: StandIn) -> None:
    """A workbook with a row a photograph: rows of one album are one record, and each brings its scan."""
    control = {
        **SCANS,
        "match": {"item": {"source": "Album no.", "by": "dcterms:identifier", "scope": "albums"}},
        "files": {
            "register": {
                "read": "xlsx",
                "fillDown": ["Album no.", "Album"],
                "group": {"by": ["Album no."], "rows": "photos"},
            },
            "scans.zip": {"read": "attachment", "archive": True},
        },
        "instructions": [
            {"action": "new", "destination": "item"},
            {"source": "Album", "name": "dcterms:title"},
            {
                "action": "for-each",
                "source": "photos",
                "instructions": [
                    {"action": "new", "destination": "media"},
                    {
                        "source": "Scan",
                        "destination": "media",
                        "name": "file",
                        "findBy": "stem",
                        "ignoreCase": True,
                    },
                    {"source": "Caption", "destination": "media", "name": "dcterms:title"},
                ],
            },
        ],
    }
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.append(["Album no.", "Album", "Scan", "Caption"])
    for row in (
        ["AL 1", "The harbour", "img_0001", "The quay"],
        [None, None, "IMG_0002", "A steamer"],
        ["AL 2", "The market", "img_0003", "Fishwives"],
        [None, None, "img_0004", "The scales"],
        [None, None, "img_0005", "Evening"],
    ):
        sheet.append(row)
    register = io.BytesIO()
    workbook.save(register)
    files = {f"{folder}/IMG_000{n}.JPG": jpeg(n) for n, folder in enumerate("aabbb", 1)}
    batch = accession.batch(control, {"register": register.getvalue(), "scans.zip": zipped(files)})
    assert accession.run(batch) == "complete", accession.log(batch)
    assert omeka.requests(0)["writes"] == 2
    captions = [one["dcterms:title"][0]["@value"] for one in media_of(omeka, "AL 2")]
    assert captions == ["Fishwives", "The scales", "Evening"]
    digests = [one["o:sha256"] for one in media_of(omeka, "AL 1")]
    assert digests == [hashlib.sha256(jpeg(n)).hexdigest() for n in (1, 2)]
    again = accession.batch(control, {"register": register.getvalue(), "scans.zip": zipped(files)})
    assert accession.run(again) == "complete", accession.log(again)
    assert omeka.requests(0)["writes"] == 2


@pytest.mark.parametrize(
    "size",
    [
        64,
        pytest.param(1024, marks=[pytest.mark.full, pytest.mark.timeout(1800)]),
        pytest.param(5 * 1024, marks=[pytest.mark.full, pytest.mark.timeout(3600)]),
    ],
)
def test_a_large_file_costs_the_worker_no_memory(
    accession: Installation, omeka: StandIn, tmp_path: Path, size: int
) -> None:
    """`size`: MiB. A recording is streamed from the store into the request."""
    omeka.knobs(post_max_size=0, upload_max_filesize=0, client_max_body_size=0)
    path = tmp_path / "recording.mp4"
    with path.open("wb") as file:
        file.write(b"\0\0\0\x18ftypmp42" + b"\0" * 12)
        piece = bytes(range(256)) * 4096
        for _ in range(size):
            file.write(piece)
    worker, standin = psutil.Process(accession.pid("worker")), psutil.Process(omeka.pid)
    small = accession.batch(SCANS, {"data0": _one("S"), "scans/a.mp4": b"\0\0\0\x18ftypmp42" + b"\0" * 90})
    assert accession.run(small) == "complete", accession.log(small)
    before = Counter({one: one.memory_info().rss for one in (worker, standin)})
    batch = accession.batch(SCANS, {"data0": _one("L"), "scans/a.mp4": path})
    accession.schedule(batch)
    most = Counter(before)
    while accession.state(batch) in ("scheduled", "running"):
        most |= Counter({one: one.memory_info().rss for one in (worker, standin)})
        time.sleep(0.01)
    assert accession.state(batch) == "complete", accession.log(batch)
    (media,) = media_of(omeka, "L")
    with path.open("rb") as file:
        assert media["o:sha256"] == hashlib.file_digest(file, "sha256").hexdigest()
    assert media["o:size"] == path.stat().st_size
    grown = {one: (most[one] - before[one]) >> 20 for one in most}
    print(f"{size} MiB: the worker grew by {grown[worker]} MiB, the stand-in by {grown[standin]} MiB")
    assert grown[worker] < 50
    assert grown[standin] < 50  # otherwise this is a test of the machine's memory


def _one(acno: str) -> bytes:
    return json.dumps([{"acno": acno, "title": acno, "scans": [{"file": "a.mp4"}]}]).encode()
