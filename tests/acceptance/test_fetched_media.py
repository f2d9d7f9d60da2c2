"""Media whose files stand at an address: fetched by this service, looked at, and sent as any other."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.installation import Installation, target_of
from tests.acceptance.pictures import jpeg, png
from tests.acceptance.test_media import SCANS, media_of
from tests.standins.omeka_s import StandIn

FILES = {"/scans/a%201.jpg": jpeg("a"), "/b.png?size=full": png("b"), "/cut.jpg": jpeg("cut")[:-30]}

CONTROL: dict[str, Any] = {
    **SCANS,
    "files": {"data0": {"read": "json"}},
    "maxErrors": "100%",
    "instructions": [
        *SCANS["instructions"][:2],
        {
            "action": "for-each",
            "source": "urls",
            "instructions": [
                {"action": "new", "destination": "media"},
                {"expression": "@", "destination": "media", "name": "url"},
            ],
        },
    ],
}


class Web:
    """A server of files on loopback. `asked`: the paths that were asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                content = FILES.get(self.path)
                if self.path == "/away":
                    self.send_response(302)
                    self.send_header("Location", "http://127.0.0.1:9/secret")
                    self.end_headers()
                    return
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def web() -> Iterator[Web]:
    made = Web()
    yield made
    made.close()


@pytest.fixture
def fetching(tmp_path: Path, omeka: StandIn, web: Web) -> Iterator[Installation]:
    """Its settings name the one site of the own network that may be asked."""
    settings = {"ACCESSION_FETCH_FROM": json.dumps([web.url])}
    with Installation(tmp_path / "accession", {"omeka": target_of(omeka)}, settings) as accession:
        yield accession.start()


def send(accession: Installation, *urls: str) -> str:
    records = [{"acno": "A1", "title": "One", "urls": list(urls)}]
    return accession.batch(CONTROL, {"data0": json.dumps(records).encode()})


def test_a_file_at_an_address_is_fetched_once_and_sent(
    fetching: Installation, omeka: StandIn, web: Web
) -> None:
    urls = [f"{web.url}{path}" for path in FILES if "cut" not in path]
    batch = send(fetching, *urls)
    assert fetching.run(batch) == "complete", fetching.log(batch)
    media = media_of(omeka, "A1")
    assert [(one["o:ingester"], one["o:media_type"]) for one in media] == [
        ("upload", "image/jpeg"),
        ("upload", "image/png"),
    ]
    assert omeka.requests(0)["writes"] == 1
    assert len(web.asked) == 2
    again = send(fetching, *urls)
    assert fetching.run(again) == "complete", fetching.log(again)
    assert fetching.counts(again)["unchanged"] == 3, fetching.log(again)
    assert len(web.asked) == 2
    assert fetching.run(again, "dry-run") == "dry-run"
    assert len(web.asked) == 2


def test_what_cannot_be_fetched_costs_its_media_alone(
    fetching: Installation, omeka: StandIn, web: Web
) -> None:
    good = f"{web.url}/scans/a%201.jpg"
    bad = {
        f"{web.url}/nothing.jpg": "fetch-refused",
        f"{web.url}/cut.jpg": "attachment-damaged",
        f"{web.url}/away": "fetch-refused",
        "http://127.0.0.1:9/inside.jpg": "fetch-refused",
        "http://localhost:9/inside.jpg": "fetch-refused",
        "http://[::1]:9/inside.jpg": "fetch-refused",
        "http://169.254.169.254/latest/meta-data": "fetch-refused",
    }
    batch = send(fetching, good, *bad)
    assert fetching.run(batch) == "complete-with-errors", fetching.log(batch)
    assert len(media_of(omeka, "A1")) == 1
    said = {one["identifier"]: one["code"] for one in fetching.report(batch) if one["outcome"] == "rejected"}
    assert said == bad


def test_where_the_target_may_it_fetches_by_itself(tmp_path: Path, omeka: StandIn, web: Web) -> None:
    target = target_of(omeka, allow_url_ingest=True)
    with Installation(tmp_path / "accession", {"omeka": target}) as accession:
        accession.start()
        batch = send(accession, f"{web.url}/scans/a%201.jpg")
        assert accession.run(batch) == "complete", accession.log(batch)
        assert [one["o:ingester"] for one in media_of(omeka, "A1")] == ["url"]
        again = send(accession, f"{web.url}/scans/a%201.jpg")
        assert accession.run(again) == "complete", accession.log(again)
        assert accession.counts(again)["unchanged"] == 2, accession.log(again)


def test_what_was_fetched_is_the_same_to_the_worker_that_takes_over(
    fetching: Installation, omeka: StandIn, web: Web
) -> None:
    """The worker dies with requests under way; what stands at an address is asked for once all the same."""
    omeka.knobs(delay_ms=300, workers=2)
    urls = [f"{web.url}{path}" for path in FILES if "cut" not in path]
    records = [{"acno": f"A{n}", "title": f"Work {n}", "urls": urls} for n in range(6)]
    batch = fetching.batch(CONTROL, {"data0": json.dumps(records).encode()})
    fetching.schedule(batch)
    while omeka.requests(0)["writes"] < 2:
        time.sleep(0.02)
    fetching.kill("worker")
    asked = len(web.asked)
    fetching.start_worker()
    assert fetching.wait(batch) == "complete", fetching.log(batch)
    assert fetching.counts(batch)["created"] == 18, fetching.log(batch)
    assert len(omeka.dump()["media"]) == 12
    assert len(web.asked) - asked <= len(urls)  # for records that were not meant before
