"""Thumbnails made of files of the batch: an asset each, once, shared, checked, and taken back.

One installation for all of them; each test has items of its own. That an asset is a part `data` and a part
`file`, what it is refused for, and how an item takes it, show the recorded `asset-upload`,
`asset-upload-wrong-type` and `item-thumbnail`.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.acceptance.installation import CONTROL, Installation, target_of
from tests.acceptance.pictures import jpeg, pdf, png, text, zipped
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy

Json = dict[str, Any]
COVER: Json = {"source": "cover", "name": "thumbnail", "findBy": "name"}
COVERS: Json = {
    **CONTROL,
    "files": {"data0": {"read": "json"}, "covers/**": {"read": "attachment", "required": False}},
    "instructions": [{"action": "new"}, {"source": "title", "name": "dcterms:title"}, COVER],
}


@pytest.fixture(scope="module")
def omeka() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture(scope="module")
def accession(tmp_path_factory: pytest.TempPathFactory, omeka: StandIn) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("thumbnails") / "accession"
    with Installation(folder, {"omeka": target_of(omeka)}) as installation:
        yield installation.start()


def send(
    accession: Installation,
    covers: Mapping[str, str],
    files: Mapping[str, bytes],
    cover: Json | None = None,
    **more: Any,
) -> str:
    """`covers`: identifier → name of the cover; `cover`: what its instruction says otherwise."""
    records = [{"acno": acno, "title": f"Work {acno}", "cover": name} for acno, name in covers.items()]
    control = {**COVERS, **more}
    if cover is not None:
        control["instructions"] = [*COVERS["instructions"][:2], {**COVER, **cover}]
    content = {
        "data0": json.dumps(records).encode(),
        **{f"covers/{name}": data for name, data in files.items()},
    }
    return accession.batch(control, content)


def done(accession: Installation, batch: str, mode: str = "import", state: str = "complete") -> str:
    assert accession.run(batch, mode) == state, accession.log(batch)
    return batch


def item(omeka: StandIn, acno: str) -> Json:
    found = (one for one in omeka.dump()["items"] if one["dcterms:identifier"][0]["@value"] == acno)
    return dict(next(found))


def thumbnail(omeka: StandIn, acno: str) -> str | None:
    """SHA-256 of what Omeka shows for an item; None: it has no thumbnail of its own."""
    shown = item(omeka, acno)["o:thumbnail"]
    if shown is None:
        return None
    asset = next(one for one in omeka.dump()["assets"] if one["o:id"] == shown["o:id"])
    return sha(httpx2.get(f"{omeka.url}/files/asset/{asset['o:filename']}").content)


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def assets(omeka: StandIn, *contents: bytes) -> list[str]:
    """The names of all assets that are called after these bytes."""
    wanted = {f"thumbnail-{sha(one)}" for one in contents}
    return [one["o:name"] for one in omeka.dump()["assets"] if one["o:name"] in wanted]


def sent(omeka: StandIn) -> dict[str, int]:
    """Writes since the last look, counted."""
    counts = omeka.requests(0)["counts"]
    omeka.reset_requests()
    return {one: n for one, n in counts.items() if not one.startswith("GET")}


def test_two_items_share_one_picture_and_importing_again_sends_nothing(
    accession: Installation, omeka: StandIn
) -> None:
    files = {"a.jpg": jpeg("shared"), "copy of a.jpg": jpeg("shared"), "b.png": png("own")}
    covers = {"A1": "a.jpg", "A2": "copy of a.jpg", "A3": "b.png", "A4": ""}
    sent(omeka)
    batch = done(accession, send(accession, covers, files))
    assert sent(omeka) == {"POST /api/assets": 2, "POST /api/items": 4}
    first, second = sha(jpeg("shared")), sha(png("own"))
    assert [thumbnail(omeka, one) for one in covers] == [first, first, second, None]
    assert accession.counts(batch)["created"] == 6
    done(accession, send(accession, covers, files))
    done(accession, send(accession, covers, {**files, "a.jpg": files["copy of a.jpg"]}))
    assert sent(omeka) == {}
    done(accession, batch, "undo", "undone")
    assert assets(omeka, *files.values()) == []


def test_another_picture_is_shown_in_the_plan_and_taken_back(accession: Installation, omeka: StandIn) -> None:
    files = {"a.jpg": jpeg("old"), "b.jpg": jpeg("new")}
    first = done(accession, send(accession, {"B1": "a.jpg"}, files))
    dry = done(accession, send(accession, {"B1": "b.jpg"}, files), "dry-run", "dry-run")
    plan = accession.get(f"batch/{dry}/plan", details="full").text
    assert f"thumbnail-{sha(files['b.jpg'])[:12]}… (new)" in plan, plan
    assert "asset" in plan
    assert len(assets(omeka, *files.values())) == 1
    second = done(accession, send(accession, {"B1": "b.jpg"}, files))
    assert thumbnail(omeka, "B1") == sha(files["b.jpg"])
    done(accession, second, "undo", "undone")
    assert thumbnail(omeka, "B1") == sha(files["a.jpg"])
    assert len(assets(omeka, *files.values())) == 1
    done(accession, first, "undo", "undone")
    assert assets(omeka, *files.values()) == []


def test_a_picture_in_a_zip_becomes_the_thumbnail_of_item_and_media(
    accession: Installation, omeka: StandIn
) -> None:
    control = {
        **COVERS,
        "files": {"data0": {"read": "json"}, "covers.zip": {"read": "attachment", "archive": True}},
        "instructions": [
            {"action": "new"},
            {"source": "title", "name": "dcterms:title"},
            {**COVER, "findBy": "stem", "ignoreCase": True},
            {"action": "new", "destination": "media"},
            {"source": "title", "destination": "media", "name": "html"},
            {
                "source": "cover",
                "destination": "media",
                "name": "thumbnail",
                "findBy": "stem",
                "ignoreCase": True,
            },
        ],
    }
    content = {
        "data0": json.dumps([{"acno": "C1", "title": "Work", "cover": "front"}]).encode(),
        "covers.zip": zipped({"deep/in/FRONT.jpg": jpeg("zipped")}),
    }
    done(accession, accession.batch(control, content))
    assert thumbnail(omeka, "C1") == sha(jpeg("zipped"))
    (media,) = item(omeka, "C1")["o:media"]
    shown = next(one for one in omeka.dump()["media"] if one["o:id"] == media["o:id"])
    assert shown["o:thumbnail"] == item(omeka, "C1")["o:thumbnail"]
    sent(omeka)
    done(accession, accession.batch(control, content))
    assert sent(omeka) == {}


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("none.jpg", None, "attachment-missing"),
        ("empty.jpg", b"", "attachment-empty"),
        ("cut.jpg", jpeg("cut")[:-2], "attachment-damaged"),
        ("scan.pdf", pdf(1), "attachment-type"),  # which media are made of, and assets are not
        ("notes.jpg", text("notes"), "attachment-type"),
        ("notes.txt", text("notes"), "attachment-type"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_picture_that_cannot_be_sent_costs_the_thumbnail_alone_unless_the_record_needs_it(
    accession: Installation, omeka: StandIn, name: str, content: bytes | None, code: str
) -> None:
    acno = f"D-{name}"
    files = {"other.jpg": jpeg("other"), **({name: content} if content is not None else {})}
    sent(omeka)
    batch = done(accession, send(accession, {acno: name}, files))
    assert sent(omeka) == {"POST /api/items": 1}
    assert thumbnail(omeka, acno) is None
    assert code in accession.log(batch)
    assert "The thumbnail was left out." in accession.log(batch)
    needed = send(accession, {f"{acno}!": name}, files, {"onError": "reject"}, maxErrors="100%")
    done(accession, needed, state="complete-with-errors")
    assert sent(omeka) == {}
    assert [one["code"] for one in accession.report(needed)] == [code]


def test_what_only_omeka_refuses_costs_the_thumbnail_and_the_next_import_tries_again(
    accession: Installation, omeka: StandIn
) -> None:
    """A file that is too large for the server's settings, of which nobody told (`422`, as for a media)."""
    files = {"large.jpg": jpeg("large", 4000), "small.jpg": jpeg("small")}
    covers = {"E1": "large.jpg", "E2": "small.jpg"}
    omeka.knobs(upload_max_filesize=2000)
    try:
        batch = done(accession, send(accession, covers, files), state="complete-with-errors")
    finally:
        omeka.knobs(upload_max_filesize=128 << 20)
    assert [thumbnail(omeka, one) for one in covers] == [None, sha(files["small.jpg"])]
    report = {(one["resource"], one["identifier"]): one for one in accession.report(batch)}
    assert report["asset", "large.jpg"]["outcome"] == "rejected", report
    assert report["item", "E1"]["code"] == "thumbnail-missing", report
    sent(omeka)
    done(accession, send(accession, covers, files))
    assert sent(omeka) == {"POST /api/assets": 1, "PATCH /api/items/{id}": 1}
    assert thumbnail(omeka, "E1") == sha(files["large.jpg"])


def test_the_undo_of_one_batch_leaves_what_another_one_shows(accession: Installation, omeka: StandIn) -> None:
    files = {"a.jpg": jpeg("of both")}
    first = done(accession, send(accession, {"F1": "a.jpg"}, files))
    done(accession, send(accession, {"F2": "a.jpg"}, files))
    done(accession, first, "undo", "undone")
    assert thumbnail(omeka, "F2") == sha(files["a.jpg"])
    number = item(omeka, "F2")["o:id"]
    assert f"was left as it is. It is the thumbnail of item {number}" in accession.log(first)


def test_somebodys_asset_of_the_same_bytes_is_taken_and_of_several_the_first(
    accession: Installation, omeka: StandIn
) -> None:
    """Two services, or two batches at once, may have brought the same picture."""
    data = jpeg("twice")
    for _ in range(2):
        httpx2.post(
            f"{omeka.api}/assets",
            params=omeka.key,
            files={
                "data": (None, json.dumps({"o:name": f"thumbnail-{sha(data)}"})),
                "file": ("x.jpg", data, "image/jpeg"),
            },
        ).raise_for_status()
    lowest = min(one["o:id"] for one in omeka.dump()["assets"] if one["o:name"] == f"thumbnail-{sha(data)}")
    sent(omeka)
    batch = done(accession, send(accession, {"G1": "a.jpg"}, {"a.jpg": data}))
    assert sent(omeka) == {"POST /api/items": 1}
    assert item(omeka, "G1")["o:thumbnail"]["o:id"] == lowest
    done(accession, batch, "undo", "undone")
    assert len(assets(omeka, data)) == 2


def test_an_item_that_is_refused_brings_no_asset(accession: Installation, omeka: StandIn) -> None:
    files = {"a.jpg": jpeg("of nobody")}
    broken = [{"action": "new"}, {"source": "title", "name": "dcterms:title", "type": "integer"}, COVER]
    batch = send(accession, {"H1": "a.jpg"}, files, instructions=broken, maxErrors="100%")
    sent(omeka)
    done(accession, batch, state="complete-with-errors")
    assert sent(omeka) == {}


@pytest.mark.parametrize("path", ["/api/assets", "/api/items"])
def test_a_worker_that_dies_around_the_asset_makes_neither_it_nor_its_item_twice(
    tmp_path: Path, omeka: StandIn, path: str
) -> None:
    """Omeka has made the asset (or the item after it), and the answer is never read."""
    acno, data = f"I {path}", jpeg(f"dies {path}")
    quick = {"ACCESSION_LEASE": "2", "ACCESSION_SWEEP": "0.25", "ACCESSION_LOOK_AGAIN": "[0.1, 0.4, 1.5]"}
    with (
        FaultProxy(omeka.url) as proxy,
        Installation(tmp_path / "accession", {"omeka": target_of(omeka, proxy.url)}, quick) as dying,
    ):
        dying.start()
        held = threading.Event()
        proxy.add(Fault("hold", method="POST", path=path, until=held))
        batch = send(dying, {acno: "a.jpg"}, {"a.jpg": data})
        sent(omeka)
        dying.schedule(batch)
        deadline = time.monotonic() + 60
        while f"POST {path}" not in omeka.requests(0)["counts"]:
            assert time.monotonic() < deadline, dying.log(batch)
            time.sleep(0.02)
        dying.kill("worker")
        held.set()
        dying.start_worker()
        assert dying.wait(batch) == "complete", dying.log(batch)
        assert sent(omeka) == {"POST /api/assets": 1, "POST /api/items": 1}
    assert len(assets(omeka, data)) == 1
    assert thumbnail(omeka, acno) == sha(data)
