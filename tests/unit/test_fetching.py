"""What is asked of addresses that somebody else wrote down. More in `acceptance/test_fetched_media`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from worker.errors import Reject, Retriable
from worker.fetching import Fetcher, Reachable, origin

LEADS = {"/a.jpg": "/maintenance", "/b.jpg": "/omeka/install?from=b", "/c.jpg": "/nothing.jpg"}
asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        asked.append(self.path)
        self.send_response(302 if self.path in LEADS else 404)
        self.send_header("Location", LEADS.get(self.path, ""))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    asked.clear()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "said"), [("/a.jpg", "it is being upgraded"), ("/b.jpg", "its database does not answer")]
)
def test_an_omeka_that_is_away_is_asked_again_and_its_file_is_not_taken_for_gone(
    url: str, path: str, said: str
) -> None:
    with pytest.raises(Retriable, match=said):
        list(Fetcher(Reachable(10, frozenset({origin(url)}))).chunks(f"{url}{path}"))
    assert asked == [path]


def test_a_file_that_has_moved_to_nowhere_is_gone(url: str) -> None:
    with pytest.raises(Reject, match="it answers 404"):
        list(Fetcher(Reachable(10, frozenset({origin(url)}))).chunks(f"{url}/c.jpg"))
    assert asked == ["/c.jpg", "/nothing.jpg"]
