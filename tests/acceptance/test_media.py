"""Scans that come with their records: in order, whole, once; and again, and taken back."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.installation import CONTROL, Installation, target_of
from tests.acceptance.pictures import jpeg, pdf, picture, png, zipped
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import Fault, FaultProxy, Kind

SCANS: dict[str, Any] = {
    **CONTROL,
    "files": {"data0": {"read": "json"}, "scans/**": {"read": "attachment", "required": False}},
    "instructions": [
        {"action": "new", "destination": "item"},
        {"source": "title", "name": "dcterms:title"},
        {
            "action": "for-each",
            "source": "scans",
            "instructions": [
                {"action": "new", "destination": "media"},
                {"source": "file", "destination": "media", "name": "file"},
                {"source": "caption", "destination": "media", "name": "dcterms:title"},
                {"source": "alt", "destination": "media", "name": "alt-text"},
            ],
        },
    ],
}


def scanned(acno: str, *names: str, **captions: str) -> dict[str, Any]:
    scans = [{"file": name, "caption": captions.get(name.partition(".")[0], "")} for name in names]
    return {"acno": acno, "title": f"Work {acno}", "scans": scans}


def uploaded(*names: str) -> dict[str, bytes]:
    return {f"scans/{name}": picture(name) for name in names}


def send(
    accession: Installation,
    records: Sequence[Mapping[str, Any]],
    attached: Mapping[str, bytes],
    **more: Any,
) -> str:
    """`more`: what the control file says otherwise."""
    content: dict[str, Any] = {"data0": json.dumps(records).encode(), **attached}
    return accession.batch({**SCANS, **more}, content)


def shown(omeka: StandIn, acno: str) -> list[tuple[str, str]]:
    """(name, SHA-256) of the media of an item, in their order."""
    return [(one["o:source"], one["o:sha256"]) for one in media_of(omeka, acno)]


def media_of(omeka: StandIn, acno: str) -> list[dict[str, Any]]:
    dump = omeka.dump()
    item = next(one for one in dump["items"] if one["dcterms:identifier"][0]["@value"] == acno)
    media = {one["o:id"]: one for one in dump["media"]}
    return [media[one["o:id"]] for one in item["o:media"]]


def expected(*names: str) -> list[tuple[str, str]]:
    return [(name, hashlib.sha256(picture(name)).hexdigest()) for name in names]


def test_scans_come_with_their_item_in_one_request_in_their_order(
    accession: Installation, omeka: StandIn
) -> None:
    names = [f"p{n}.{kind}" for n, kind in enumerate(("jpg", "png", "pdf", "txt", "jpg"), 1)]
    batch = send(accession, [scanned("A1", *names, p1="First"), scanned("A2")], uploaded(*names))
    assert accession.run(batch) == "complete", accession.log(batch)
    assert shown(omeka, "A1") == expected(*names)
    assert media_of(omeka, "A1")[0]["dcterms:title"][0]["@value"] == "First"
    assert omeka.requests(0)["writes"] == 2
    assert accession.counts(batch)["created"] == 7
    rows = [(one["resource"], one["identifier"], one["outcome"]) for one in accession.report(batch)]
    assert rows == [
        ("item", "A1", "created"),
        *(("media", name, "created") for name in names),
        ("item", "A2", "created"),
    ]


def test_importing_again_sends_nothing(accession: Installation, omeka: StandIn) -> None:
    names = ["a.jpg", "b.png"]
    batch = send(accession, [scanned("A1", *names)], uploaded(*names))
    assert accession.run(batch) == "complete", accession.log(batch)
    before = omeka.dump()
    writes = omeka.requests(0)["writes"]
    again = send(accession, [scanned("A1", *names)], uploaded(*names))
    assert accession.run(again) == "complete", accession.log(again)
    assert accession.counts(again)["unchanged"] == 3, accession.log(again)
    assert omeka.requests(0)["writes"] == writes
    assert omeka.dump() == before


def test_what_does_not_fit_into_the_request_follows_in_order(accession: Installation, omeka: StandIn) -> None:
    names = [f"p{n:02}.jpg" for n in range(1, 26)]
    batch = send(accession, [scanned("A1", *names)], uploaded(*names))
    assert accession.run(batch) == "complete", accession.log(batch)
    assert shown(omeka, "A1") == expected(*names)
    assert omeka.requests(0)["writes"] == 1 + 5
    again = send(accession, [scanned("A1", *names)], uploaded(*names))
    assert accession.run(again) == "complete", accession.log(again)
    assert accession.counts(again)["unchanged"] == 26, accession.log(again)


def test_another_scan_is_added_in_its_place(accession: Installation, omeka: StandIn) -> None:
    batch = send(accession, [scanned("A1", "a.jpg", "c.jpg")], uploaded("a.jpg", "c.jpg"))
    assert accession.run(batch) == "complete", accession.log(batch)
    kept = [one["o:id"] for one in media_of(omeka, "A1")]
    names = ["a.jpg", "b.jpg", "c.jpg"]
    again = send(accession, [scanned("A1", *names)], uploaded(*names))
    assert accession.run(again) == "complete", accession.log(again)
    assert shown(omeka, "A1") == expected(*names)
    assert [one["o:id"] for one in media_of(omeka, "A1")][::2] == kept
    assert accession.run(again, "undo") == "undone", accession.log(again)
    assert shown(omeka, "A1") == expected("a.jpg", "c.jpg")


def test_a_scan_with_other_bytes_takes_the_place_of_the_old_one_and_undo_brings_that_back(
    accession: Installation, omeka: StandIn
) -> None:
    names = ["a.jpg", "b.jpg", "c.jpg"]
    batch = send(accession, [scanned("A1", *names, b="The back")], uploaded(*names))
    assert accession.run(batch) == "complete", accession.log(batch)
    before = shown(omeka, "A1")
    first, old, last = (one["o:id"] for one in media_of(omeka, "A1"))
    better = jpeg("a better scan", 900)
    files = {**uploaded(*names), "scans/b.jpg": better}
    again = send(accession, [scanned("A1", *names, b="The back")], files)
    assert accession.run(again, "dry-run") == "dry-run", accession.log(again)
    assert shown(omeka, "A1") == before
    assert accession.run(again) == "complete", accession.log(again)
    now = media_of(omeka, "A1")
    assert [one["o:id"] for one in now][::2] == [first, last]
    assert now[1]["o:id"] != old
    assert now[1]["o:sha256"] == hashlib.sha256(better).hexdigest()
    assert now[1]["dcterms:title"][0]["@value"] == "The back"
    assert len(omeka.dump()["media"]) == 3
    third = send(accession, [scanned("A1", *names, b="The back")], files)
    assert accession.run(third) == "complete", accession.log(third)
    assert accession.counts(third)["unchanged"] == 4, accession.log(third)
    assert accession.run(again, "undo") == "undone", accession.log(again)
    assert shown(omeka, "A1") == before, accession.log(again)
    assert media_of(omeka, "A1")[1]["dcterms:title"][0]["@value"] == "The back"
    fourth = send(accession, [scanned("A1", *names, b="The back")], uploaded(*names))
    assert accession.run(fourth) == "complete", accession.log(fourth)
    assert accession.counts(fourth)["unchanged"] == 4, accession.log(fourth)


def test_another_order_is_one_request(accession: Installation, omeka: StandIn) -> None:
    names = ["a.jpg", "b.jpg", "c.jpg"]
    batch = send(accession, [scanned("A1", *names)], uploaded(*names))
    assert accession.run(batch) == "complete", accession.log(batch)
    ids = {one["o:source"]: one["o:id"] for one in media_of(omeka, "A1")}
    writes = omeka.requests(0)["writes"]
    turned = ["c.jpg", "a.jpg", "b.jpg"]
    again = send(accession, [scanned("A1", *turned)], uploaded(*names))
    assert accession.run(again) == "complete", accession.log(again)
    assert shown(omeka, "A1") == expected(*turned)
    assert omeka.requests(0)["writes"] == writes + 1
    assert [one["o:id"] for one in media_of(omeka, "A1")] == [ids[name] for name in turned]
    third = send(accession, [scanned("A1", *turned)], uploaded(*names))
    assert accession.run(third) == "complete", accession.log(third)
    assert omeka.requests(0)["writes"] == writes + 1
    assert accession.run(again, "undo") == "undone", accession.log(again)
    assert shown(omeka, "A1") == expected(*names)


def test_a_file_of_another_name_with_the_same_bytes_is_the_same(
    accession: Installation, omeka: StandIn
) -> None:
    batch = send(accession, [scanned("A1", "a.jpg")], uploaded("a.jpg"))
    assert accession.run(batch) == "complete", accession.log(batch)
    again = send(accession, [scanned("A1", "other.jpg")], {"scans/other.jpg": picture("a.jpg")})
    assert accession.run(again) == "complete", accession.log(again)
    assert accession.counts(again)["unchanged"] == 2, accession.log(again)
    assert shown(omeka, "A1") == expected("a.jpg")


def test_a_caption_changes_without_its_picture(accession: Installation, omeka: StandIn) -> None:
    names = ["a.jpg", "b.jpg"]
    batch = send(accession, [scanned("A1", *names, a="Old")], uploaded(*names))
    assert accession.run(batch) == "complete", accession.log(batch)
    writes = omeka.requests(0)["writes"]
    again = send(accession, [scanned("A1", *names, a="New")], uploaded(*names))
    assert accession.run(again) == "complete", accession.log(again)
    assert omeka.requests(0)["writes"] == writes + 1
    assert accession.counts(again)["updated"] == 1, accession.log(again)
    assert media_of(omeka, "A1")[0]["dcterms:title"][0]["@value"] == "New"
    assert shown(omeka, "A1") == expected(*names)


def test_one_bad_file_costs_its_media_and_nothing_else(accession: Installation, omeka: StandIn) -> None:
    files = {
        **uploaded("a.jpg", "z.png"),
        "scans/cut.jpg": picture("cut.jpg")[:-40],
        "scans/empty.png": b"",
        "scans/data.csv": b"a,b\n1,2\n",
    }
    names = ["a.jpg", "cut.jpg", "empty.png", "data.csv", "gone.jpg", "z.png"]
    batch = send(accession, [scanned("A1", *names)], files, maxErrors="100%")
    assert accession.run(batch) == "complete-with-errors", accession.log(batch)
    assert shown(omeka, "A1") == expected("a.jpg", "z.png")
    said = {one["identifier"]: (one["outcome"], one["code"]) for one in accession.report(batch)}
    assert said == {
        "A1": ("created", None),
        "a.jpg": ("created", None),
        "cut.jpg": ("rejected", "attachment-damaged"),
        "empty.png": ("rejected", "attachment-empty"),
        "data.csv": ("rejected", "attachment-type"),
        "gone.jpg": ("rejected", "attachment-missing"),
        "z.png": ("created", None),
    }


def test_what_only_omeka_refuses_costs_its_media_alone_too(accession: Installation, omeka: StandIn) -> None:
    """As in `item-create-inline-media-one-bad`: one file that Omeka does not take refuses the whole item."""
    omeka.knobs(media_types=["image/png", "application/pdf"])
    names = ["a.png", "b.jpg", "c.pdf"]
    batch = send(accession, [scanned("A1", *names)], uploaded(*names), maxErrors="100%")
    assert accession.run(batch) == "complete-with-errors", accession.log(batch)
    assert shown(omeka, "A1") == expected("a.png", "c.pdf")
    said = {one["identifier"]: (one["outcome"], one["code"]) for one in accession.report(batch)}
    assert said["b.jpg"] == ("rejected", "target-validation")
    assert said["A1"] == ("created", None)
    omeka.knobs(media_types=["image/png", "application/pdf", "image/jpeg"])
    assert accession.run(batch, "retry") == "complete", accession.log(batch)
    assert shown(omeka, "A1") == expected(*names)


def test_a_file_that_its_record_insists_on_takes_the_record_with_it(
    accession: Installation, omeka: StandIn
) -> None:
    instructions = [dict(one) for one in SCANS["instructions"]]
    inner = [dict(one) for one in instructions[2]["instructions"]]
    inner[1]["onError"] = "reject"
    instructions[2] = {**instructions[2], "instructions": inner}
    batch = send(
        accession,
        [scanned("A1", "a.jpg", "gone.jpg"), scanned("A2", "a.jpg")],
        uploaded("a.jpg"),
        instructions=instructions,
        maxErrors="100%",
    )
    assert accession.run(batch) == "complete-with-errors", accession.log(batch)
    assert [item["o:title"] for item in omeka.dump()["items"]] == ["Work A2"]


def test_scans_in_a_zip_are_found_by_path_or_name(accession: Installation, omeka: StandIn) -> None:
    packed = {"album/one.jpg": jpeg(1), "album/two.png": png(2), "three.pdf": pdf(3), "unused.jpg": jpeg(4)}
    files = {"data0": {"read": "json"}, "scans.zip": {"read": "attachment", "archive": True}}
    record = scanned("A1", "album/one.jpg", "two.png", "three.pdf")
    batch = send(accession, [record], {"scans.zip": zipped(packed)}, files=files)
    assert accession.run(batch) == "complete", accession.log(batch)
    names = ["album/one.jpg", "album/two.png", "three.pdf"]
    digests = [hashlib.sha256(packed[name]).hexdigest() for name in names]
    assert [digest for _, digest in shown(omeka, "A1")] == digests
    assert "1 file was uploaded that no record names" in accession.log(batch)
    assert "unused.jpg" in accession.log(batch)


def test_a_deletion_of_an_item_with_scans_is_taken_back_whole(
    accession: Installation, omeka: StandIn
) -> None:
    names = ["a.jpg", "b.png"]
    both = [scanned("A1", *names), scanned("A2", "c.jpg")]
    batch = send(accession, both, uploaded(*names, "c.jpg"))
    assert accession.run(batch) == "complete", accession.log(batch)
    before = shown(omeka, "A1")
    match = {"item": {**CONTROL["match"]["item"], "absent": "delete"}}
    again = send(accession, [both[1]], uploaded("c.jpg"), match=match)
    assert accession.run(again, "dry-run") == "dry-run", accession.log(again)
    assert accession.run(again, maxRemovals="100%") == "complete", accession.log(again)
    assert len(omeka.dump()["items"]) == 1
    assert accession.run(again, "undo") == "undone", accession.log(again)
    assert shown(omeka, "A1") == before
    third = send(accession, both, uploaded(*names, "c.jpg"))
    assert accession.run(third) == "complete", accession.log(third)
    assert accession.counts(third)["unchanged"] == 5, accession.log(third)
    assert len(omeka.dump()["media"]) == 3


def test_an_import_with_scans_is_taken_back_whole(accession: Installation, omeka: StandIn) -> None:
    names = [f"p{n:02}.jpg" for n in range(1, 24)]
    batch = send(accession, [scanned("A1", *names)], uploaded(*names))
    assert accession.run(batch) == "complete", accession.log(batch)
    assert accession.run(batch, "undo") == "undone", accession.log(batch)
    assert (omeka.dump()["items"], omeka.dump()["media"]) == ([], [])
    assert accession.run(batch) == "complete", accession.log(batch)
    assert shown(omeka, "A1") == expected(*names)


def test_the_file_of_a_media_that_is_replaced_is_fetched_from_omeka_where_it_is_not_kept(
    accession: Installation, omeka: StandIn
) -> None:
    """The bytes of an earlier batch may have been cleared away: then Omeka's own copy is kept first."""
    batch = send(accession, [scanned("A1", "a.jpg")], uploaded("a.jpg"))
    assert accession.run(batch) == "complete", accession.log(batch)
    digest = hashlib.sha256(picture("a.jpg")).hexdigest()
    blobs = accession.folder / "data" / "blobs"
    kept = [path for path in blobs.rglob("*") if path.is_file() and digest.endswith(path.name[-20:])]
    assert kept
    for path in kept:
        path.unlink()
    better = {"scans/a.jpg": jpeg("better")}
    again = send(accession, [scanned("A1", "a.jpg")], better)
    assert accession.run(again) == "complete", accession.log(again)
    assert len(omeka.dump()["media"]) == 1
    assert accession.run(again, "undo") == "undone", accession.log(again)
    assert shown(omeka, "A1") == expected("a.jpg")


def test_what_a_record_names_no_more_goes_where_the_control_file_says_so(
    accession: Installation, omeka: StandIn
) -> None:
    records = [scanned("A1", "a.jpg", "b.jpg"), scanned("A2", "c.jpg")]
    batch = send(accession, records, uploaded("a.jpg", "b.jpg", "c.jpg"))
    assert accession.run(batch) == "complete", accession.log(batch)
    number = next(one["o:id"] for one in omeka.dump()["items"] if one["o:title"] == "Work A1")
    mine = omeka.seed(media=[{"o:item": {"o:id": number}, "o:ingester": "html", "html": "<p>mine</p>"}])
    fewer = [scanned("A1", "b.jpg"), scanned("A2")]
    kept = send(accession, fewer, uploaded("b.jpg"))
    assert accession.run(kept) == "complete", accession.log(kept)
    assert shown(omeka, "A2") == expected("c.jpg")
    match = {**CONTROL["match"], "media": {"by": "file", "absent": "delete"}}
    again = send(accession, fewer, uploaded("b.jpg"), match=match, maxRemovals="100%")
    assert accession.run(again, "dry-run") == "dry-run", accession.log(again)
    assert accession.run(again) == "complete", accession.log(again)
    assert [one["o:id"] for one in media_of(omeka, "A1") if one["o:ingester"] == "html"] == mine["media"]
    assert [one["o:source"] for one in media_of(omeka, "A1") if one["o:ingester"] == "upload"] == ["b.jpg"]
    assert shown(omeka, "A2") == []
    assert accession.counts(again)["deleted"] == 2
    assert accession.run(again, "undo") == "undone", accession.log(again)
    assert shown(omeka, "A2") == expected("c.jpg")
    assert {one["o:source"] for one in media_of(omeka, "A1")} >= {"a.jpg", "b.jpg"}
    whole = send(accession, records, uploaded("a.jpg", "b.jpg", "c.jpg"), match=match)
    assert accession.run(whole, "dry-run") == "dry-run", accession.log(whole)
    assert accession.counts(whole).get("action:create", 0) == 0, accession.log(whole)


def cancelled_between(installation: Installation, omeka: StandIn, proxy: FaultProxy) -> str:
    """An import that has created a new media, and was cancelled before the old one was deleted."""
    batch = send(installation, [scanned("A1", "a.jpg", "b.jpg")], uploaded("a.jpg", "b.jpg"))
    assert installation.run(batch) == "complete", installation.log(batch)
    again = send(installation, [scanned("A1", "a.jpg", "b.jpg")], BETTER)
    proxy.add(Fault("answer", method="DELETE", status=503, headers={"retry-after": "1"}))
    installation.schedule(again)
    deadline = time.monotonic() + 60
    while len(omeka.dump()["media"]) < 3 or installation.state(again) != "waiting":
        assert time.monotonic() < deadline, installation.log(again)
        time.sleep(0.05)
    assert installation.post(f"batch/{again}/cancel").status_code == 200
    assert installation.wait(again) == "cancelled", installation.log(again)
    proxy.clear()
    assert len(omeka.dump()["media"]) == 3
    return again


BETTER = {"scans/a.jpg": jpeg("better"), "scans/b.jpg": picture("b.jpg")}


def test_a_run_that_is_cancelled_between_a_new_media_and_the_end_of_the_old_leaves_that_to_the_next(
    troubled: Installation, omeka: StandIn, proxy: FaultProxy
) -> None:
    cancelled_between(troubled, omeka, proxy)
    third = send(troubled, [scanned("A1", "a.jpg", "b.jpg")], BETTER)
    assert troubled.run(third) == "complete", troubled.log(third)
    digests = [hashlib.sha256(content).hexdigest() for content in BETTER.values()]
    assert [digest for _, digest in shown(omeka, "A1")] == digests, troubled.log(third)
    fourth = send(troubled, [scanned("A1", "a.jpg", "b.jpg")], BETTER)
    assert troubled.run(fourth) == "complete", troubled.log(fourth)
    assert troubled.counts(fourth)["unchanged"] == 3, troubled.log(fourth)


def test_what_was_to_be_replaced_stays_once_an_undo_has_taken_its_successor_back(
    troubled: Installation, omeka: StandIn, proxy: FaultProxy
) -> None:
    again = cancelled_between(troubled, omeka, proxy)
    assert troubled.run(again, "undo") == "undone", troubled.log(again)
    first = uploaded("a.jpg", "b.jpg")
    digests = [hashlib.sha256(content).hexdigest() for content in first.values()]
    assert [digest for _, digest in shown(omeka, "A1")] == digests, troubled.log(again)
    writes = omeka.requests(0)["writes"]
    same = send(troubled, [scanned("A1", "a.jpg", "b.jpg")], first)
    assert troubled.run(same) == "complete", troubled.log(same)
    assert (omeka.requests(0)["writes"], troubled.counts(same)["unchanged"]) == (writes, 3), troubled.log(
        same
    )
    # It is known again as what it was: the better one takes its place, and it goes.
    last = send(troubled, [scanned("A1", "a.jpg", "b.jpg")], BETTER)
    assert troubled.run(last) == "complete", troubled.log(last)
    digests = [hashlib.sha256(content).hexdigest() for content in BETTER.values()]
    assert [digest for _, digest in shown(omeka, "A1")] == digests, troubled.log(last)


@pytest.mark.parametrize("kind", ["hold", "drop_before"])
def test_a_worker_that_dies_between_the_media_of_an_item_leaves_no_gap_and_sends_none_twice(
    tmp_path: Path, omeka: StandIn, proxy: FaultProxy, kind: Kind
) -> None:
    """The third of five files: Omeka has it, or has never heard of it, and nobody was told."""
    target = target_of(omeka, proxy.url, inline_files=1)
    quick = {"ACCESSION_LEASE": "2", "ACCESSION_SWEEP": "0.25", "ACCESSION_LOOK_AGAIN": "[0.1, 0.4, 1.5]"}
    with Installation(tmp_path / "accession", {"omeka": target}, quick) as dying:
        dying.start()
        names = [f"{letter}.jpg" for letter in "abcde"]
        batch = send(dying, [scanned("A1", *names)], uploaded(*names))
        acted = threading.Event()
        path = "/api/media"
        proxy.add(Fault(kind, method="POST", path=path, nth=2, until=acted))
        dying.schedule(batch)
        deadline = time.monotonic() + 60
        while [one.method for one in proxy.log if path in one.target].count("POST") < 2:
            assert time.monotonic() < deadline, dying.log(batch)
            time.sleep(0.01)
        while kind == "hold" and len(omeka.dump()["media"]) < 3:
            assert time.monotonic() < deadline, dying.log(batch)
            time.sleep(0.01)
        dying.kill("worker")
        acted.set()
        dying.start_worker()
        assert dying.wait(batch) == "complete", dying.log(batch)
        assert shown(omeka, "A1") == expected(*names)
        assert len(omeka.dump()["media"]) == 5
        assert omeka.requests(0)["writes"] == 5
