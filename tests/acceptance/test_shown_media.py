"""Media that Omeka shows from elsewhere, or has itself: IIIF, oEmbed, YouTube, HTML, files of its own folder.

Which of them an Omeka may be told is in the target's settings, and which modules it has only it knows
(`media-unknown-ingester`).
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.installation import Installation, target_of
from tests.acceptance.test_media import SCANS, media_of
from tests.standins.omeka_s import StandIn

WORDS = ("html", "iiif", "iiif-presentation", "oembed", "youtube", "sideload")
SAID_OF_ALL = (
    {"name": "language", "value": "de"},
    {"name": "alt-text", "value": "What it shows"},
    {"name": "public", "value": False},
)
CONTROL: dict[str, Any] = {
    **SCANS,
    "files": {"data0": {"read": "json"}},
    "maxErrors": "100%",
    "instructions": [
        *SCANS["instructions"][:2],
        *(
            {
                "action": "if-exists",
                "source": word,
                "then": [
                    {"action": "new", "destination": "media"},
                    {"source": word, "destination": "media", "name": word},
                    {"source": "title", "destination": "media", "name": "dcterms:title"},
                    *({"action": "set-value", "destination": "media", **one} for one in SAID_OF_ALL),
                ],
            }
            for word in WORDS
        ),
    ],
}


@pytest.fixture
def web() -> Iterator[str]:
    """Addresses that Omeka asks."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = self.headers["Host"]
            found = {
                "/info.json": b'{"@id": "http://example.org/image", "width": 3}',
                "/manifest.json": b'{"@type": "sc:Manifest", "label": "A book"}',
                "/video": (
                    f'<html><link rel="alternate" type="application/json+oembed" href="http://{host}/said">'
                ).encode(),
                "/said": b'{"type": "video", "html": "<b>a film</b>"}',
            }.get(self.path)
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def said(web: str) -> dict[str, str]:
    return {
        "html": "<p>A <b>note</b></p>",
        "iiif": f"{web}/info.json",
        "iiif-presentation": f"{web}/manifest.json",
        "oembed": f"{web}/video",
        "youtube": "https://www.youtube.com/watch?v=abcdefghijk",
    }


def send(accession: Installation, acno: str, **media: str) -> str:
    record = {"acno": acno, "title": f"Work {acno}", **media}
    return accession.batch(CONTROL, {"data0": json.dumps([record]).encode()})


def test_what_stands_elsewhere_is_shown_from_there_known_again_and_taken_back(
    tmp_path: Path, omeka: StandIn, web: str
) -> None:
    target = target_of(omeka, allow_url_ingest=True)
    with Installation(tmp_path / "accession", {"omeka": target}) as accession:
        accession.start()
        batch = send(accession, "A1", **said(web))
        assert accession.run(batch) == "complete", accession.log(batch)
        shown = [(one["o:ingester"], one["o:source"]) for one in media_of(omeka, "A1")]
        expected = [(word.replace("-", "_"), address) for word, address in said(web).items()]
        assert shown == [("html", None), *expected[1:]]
        for one in media_of(omeka, "A1"):
            assert one["dcterms:title"][0]["@value"] == "Work A1"
            assert (one["o:lang"], one["o:alt_text"], one["o:is_public"]) == ("de", "What it shows", False)
        assert omeka.requests(0)["writes"] == 1
        again = send(accession, "A1", **said(web))
        assert accession.run(again) == "complete", accession.log(again)
        assert accession.counts(again)["unchanged"] == 6, accession.log(again)
        assert omeka.requests(0)["writes"] == 1
        assert accession.run(batch, "undo") == "undone", accession.log(batch)
        assert omeka.dump()["items"] == omeka.dump()["media"] == []


def test_what_the_target_may_not_be_told_is_refused_before_anything_is_sent_and_says_what_to_set(
    accession: Installation, omeka: StandIn, web: str
) -> None:
    batch = send(accession, "B1", iiif=f"{web}/info.json", sideload="a.jpg")
    assert accession.run(batch) == "complete-with-errors", accession.log(batch)
    log = accession.log(batch)
    assert log.count("ingest-off") == 2
    assert "set allow_url_ingest for it in the settings" in log
    assert "set allow_sideload for it in the settings" in log
    assert omeka.requests(0)["writes"] == 0


def test_what_this_omeka_does_not_have_costs_its_media_alone(
    tmp_path: Path, omeka: StandIn, web: str
) -> None:
    """It has no module Sideload, and nothing stands at one of the addresses."""
    target = target_of(omeka, allow_url_ingest=True, allow_sideload=True)
    with Installation(tmp_path / "accession", {"omeka": target}) as accession:
        accession.start()
        batch = send(accession, "C1", html="<p>kept</p>", iiif=f"{web}/nothing", sideload="a.jpg")
        assert accession.run(batch) == "complete-with-errors", accession.log(batch)
        assert [one["o:ingester"] for one in media_of(omeka, "C1")] == ["html"]
        refused = {one["identifier"]: one for one in accession.report(batch) if one["outcome"] == "rejected"}
        assert set(refused) == {f"{web}/nothing", "a.jpg"}, accession.log(batch)
        assert "404" in refused[f"{web}/nothing"]["message"]
        assert "Media must set a valid ingester" in refused["a.jpg"]["message"]
