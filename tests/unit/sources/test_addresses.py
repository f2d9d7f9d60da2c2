"""Addresses of files of a source: the same wherever the source is, and never out of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.settings import Settings, SourceSettings
from worker.attachments.names import file_name
from worker.errors import Reject, Retriable
from worker.fetching import Fetcher, Reachable
from worker.sources.addresses import SourceFile, at, below, source_file
from worker.sources.files import SourceFiles

FILE = SourceFile("old-site", "files/original/91e9.pdf", "letter 1.pdf", "md5", "fa81")


def test_an_address_says_source_path_name_and_digest() -> None:
    address = "source://old-site/files/original/91e9.pdf!/letter%201.pdf?md5=fa81"
    assert FILE.address() == address
    assert source_file(address) == FILE
    assert file_name(address) == "letter 1.pdf"
    assert (
        at({"old-site": "https://new.example.org"}, FILE) == "https://new.example.org/files/original/91e9.pdf"
    )
    assert at({}, FILE) is None


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@given(NAMES, NAMES.filter(lambda text: ".." not in text.split("/") and "\\" not in text), NAMES)
def test_an_address_is_read_as_it_was_written(source: str, path: str, name: str) -> None:
    path = path.strip("/") or "a"
    file = SourceFile(source, path, name, "sha256", "00ff")
    assert source_file(file.address()) == file


@pytest.mark.parametrize(
    "address",
    [
        "https://old.example.org/files/a.jpg",
        "source://old/files/a.jpg",
        "source://old/!/a.jpg",
        "source:///files/a.jpg!/a.jpg",
        "source://old/files/../../etc/passwd!/a.jpg",
        "source://old/files/%2E%2E/config!/a.jpg",
        "source://old/files\\..\\config!/a.jpg",
        "source://[old/a!/a",
    ],
)
def test_what_is_no_file_of_a_source_is_none(address: str) -> None:
    assert source_file(address) is None


def test_a_file_stands_below_its_site_or_elsewhere() -> None:
    site, base = "https://old.example.org/omeka", "http://inside:8080/omeka"
    assert below(site, base, f"{site}/files/a%20b.jpg?x=1") == "files/a b.jpg"
    assert below(site, base, f"{base}/files/a.jpg") == "files/a.jpg"
    assert below(site, base, "https://old.example.org/omekaX/files/a.jpg") is None
    assert below(site, base, "https://bucket.example.com/a.jpg") is None


class Scripted(Fetcher):
    """Gives bytes without a server."""

    def __init__(self) -> None:
        super().__init__(Reachable(10))
        self.asked: list[str] = []

    def chunks(self, address: str) -> Iterator[bytes]:
        self.asked.append(address)
        yield from (b"some ", b"bytes")


def files(web: Scripted, monkeypatch: pytest.MonkeyPatch) -> SourceFiles:
    settings = Settings(
        sources={"old-site": SourceSettings(kind="omeka-classic", url="https://old.example.org/api")}
    )
    made = SourceFiles(settings, web)
    monkeypatch.setattr(made, "_fetchers", {"old-site": web})
    return made


def test_bytes_are_compared_with_what_the_source_says(monkeypatch: pytest.MonkeyPatch) -> None:
    web = Scripted()
    source = files(web, monkeypatch)
    said = hashlib.md5(b"some bytes", usedforsecurity=False).hexdigest()
    good = SourceFile("old-site", "files/a.jpg", "a.jpg", "md5", said.upper())
    assert b"".join(source.chunks(good.address())) == b"some bytes"
    assert web.asked == ["https://old.example.org/files/a.jpg"]
    bad = SourceFile("old-site", "files/a.jpg", "a.jpg", "md5", "0" * 32)
    with pytest.raises(Retriable, match="other bytes than the source says"):
        list(source.chunks(bad.address()))


def test_only_configured_sources_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    web = Scripted()
    source = files(web, monkeypatch)
    for address in (SourceFile("another", "a", "a").address(), "source://old-site/a/../b!/b"):
        with pytest.raises(Reject) as caught:
            list(source.chunks(address))
        assert caught.value.code == "fetch-refused"
    assert web.asked == []
    assert b"".join(source.chunks("https://example.org/a")) == b"some bytes"
