"""What was measured of Omeka S but not recorded singly, and what the stand-in adds for tests."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.standins.omeka_s import StandIn

from .omeka_s.client import Client, link, literal


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


@pytest.fixture
def client(standin: StandIn) -> Iterator[Client]:
    with Client(standin) as connected:
        yield connected


def test_every_patch_moves_modified(standin: StandIn, client: Client) -> None:
    old = {"@value": "2020-01-01T00:00:00+00:00"}
    (number,) = standin.seed([{"dcterms:title": [literal("t")], "o:modified": old}])["items"]

    answer = client.patch(f"/items/{number}", {})

    assert answer["o:modified"]["@value"] > "2021"
    assert answer["o:title"] == "t"


def test_a_patch_reuses_rows_in_order_whatever_their_property(client: Client) -> None:
    values = [literal("a", 1), literal("b", 4, is_public=False), literal("c", 10)]
    number = client.post("/items", {"x": values})["o:id"]

    answer = client.patch(f"/items/{number}", {"x": [literal("c", 10), literal("a", 1)]})

    assert [v["is_public"] for v in answer["dcterms:identifier"]] == [True]
    assert [v["is_public"] for v in answer["dcterms:title"]] == [False]
    assert "dcterms:description" not in answer


def test_a_patch_without_a_valid_value_touches_none(client: Client) -> None:
    number = client.item("kept")

    assert client.patch(f"/items/{number}", {"x": [literal(5), literal("")]})["o:title"] == "kept"


def test_a_patch_drops_an_annotation_that_is_not_sent_back(client: Client) -> None:
    annotated = literal("t") | {"@annotation": {"dcterms:source": [literal("card", 11)]}}
    number = client.post("/items", {"dcterms:title": [annotated]})["o:id"]

    answer = client.patch(f"/items/{number}", {"dcterms:title": [literal("t")]})

    assert answer["dcterms:title"] == [literal("t") | {"property_label": "Title", "is_public": True}]


def test_clear_property_values_clears_only_these(client: Client) -> None:
    number = client.post("/items", {"x": [literal("a", 1), literal("b", 4)]})["o:id"]

    answer = client.patch(f"/items/{number}", {"clear_property_values": [4]})

    assert answer["o:title"] == "a"
    assert "dcterms:description" not in answer


def test_a_delete_removes_links_elsewhere_without_a_stamp(standin: StandIn, client: Client) -> None:
    target = client.item("target")
    old = {"@value": "2020-01-01T00:00:00+00:00"}
    values = [literal("source"), link(target)]
    (source,) = standin.seed([{"x": values, "o:modified": old}])["items"]
    assert client.get(f"/items/{target}")["@reverse"]["dcterms:relation"][0]["o:title"] == "source"

    assert client.delete(f"/items/{target}")["o:id"] is None

    answer = client.get(f"/items/{source}")
    assert "dcterms:relation" not in answer
    assert answer["o:modified"]["@value"] == old["@value"]
    linking = {"property[0][property]": "13", "property[0][type]": "ex", "id": source}
    assert client.get("/items", **linking) == []


def test_one_bad_file_rejects_the_whole_item(standin: StandIn, client: Client) -> None:
    before = standin.dump()
    media = [{"o:ingester": "upload", "file_index": n} for n in range(2)]
    data = {"dcterms:title": [literal("with files")], "o:media": media}
    files = {"file[0]": ("a.txt", b"good text"), "file[1]": ("b.exe", b"MZ not so good")}

    answer = client.request("POST", "/items", data={"data": json.dumps(data)}, files=files)

    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["o:media"]
    assert standin.dump() == before


def test_inline_files_come_back_with_digest_size_and_bytes(standin: StandIn, client: Client) -> None:
    data = {"o:media": [{"o:ingester": "upload", "file_index": 7}]}
    answer = client.request(
        "POST", "/items", data={"data": json.dumps(data)}, files={"file[7]": ("a.txt", b"some text")}
    )
    number = answer.json()["o:media"][0]["o:id"]

    media = client.get(f"/media/{number}")

    assert media["o:size"] == 9
    assert media["o:sha256"] == "b94f6f125c79e3a5ffaa826f584c10d52ada669e6762051b826b55776d05aed2"
    assert client.request("GET", media["o:original_url"]).content == b"some text"


def test_a_url_is_fetched_by_the_server_itself(standin: StandIn, client: Client) -> None:
    number = client.item("with a URL")
    data = {"o:ingester": "upload", "file_index": 0, "o:item": {"o:id": number}}
    sent = client.request(
        "POST", "/media", data={"data": json.dumps(data)}, files={"file[0]": ("a.txt", b"fetched")}
    ).json()

    media = client.post(
        "/media", {"o:ingester": "url", "ingest_url": sent["o:original_url"], "o:item": {"o:id": number}}
    )

    assert media["o:source"] == sent["o:original_url"]
    assert media["o:sha256"] == sent["o:sha256"]


def test_return_scalar_lists_what_anybody_touched(standin: StandIn, client: Client) -> None:
    stamp = {"@value": "2026-11-22T17:29:42+00:00"}
    (number,) = standin.seed([{"o:modified": stamp}])["items"]
    standin.knobs(time_zone="Europe/Berlin")
    try:
        listed = client.get("/items", return_scalar="modified", per_page=100_000)
        after = client.get(
            "/items", modified_after="2026-11-22T18:29:41", return_scalar="id", per_page=10_000
        )
        equal = client.get(
            "/items", modified_after="2026-11-22T18:29:42", return_scalar="id", per_page=10_000
        )
    finally:
        standin.knobs(time_zone="UTC")

    assert listed[str(number)] == "2026-11-22 18:29:42"
    assert str(number) in after
    assert str(number) not in equal


def test_what_is_private_is_not_there_for_others(standin: StandIn, client: Client) -> None:
    number = client.item("secret", **{"o:is_public": False})
    user = standin.add_user("researcher")
    with Client(standin, key={"key_identity": user.identity, "key_credential": user.credential}) as other:
        assert other.request("GET", f"/items/{number}").status_code == 404
        assert other.request("POST", "/items", json={}).status_code == 403
        assert other.get("/items", id=number) == []


def test_a_client_that_goes_away_is_served_all_the_same(standin: StandIn) -> None:
    standin.knobs(delay_ms=150)
    try:
        parts = urlsplit(standin.url)
        body = json.dumps({"dcterms:title": [literal("abandoned")]}).encode()
        key = "&".join(f"{k}={v}" for k, v in standin.key.items())
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            head = f"POST /api/items?{key} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            connection.sendall(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            time.sleep(0.05)
        _wait(lambda: "abandoned" in [i["o:title"] for i in standin.dump()["items"]])
    finally:
        standin.knobs(delay_ms=0)


def test_workers_limit_what_is_carried_out_at_a_time() -> None:
    with StandIn(delay_ms=50, workers=2) as standin, Client(standin) as client:
        started = time.perf_counter()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(client.item, [f"item {n}" for n in range(16)]))
        elapsed = time.perf_counter() - started

        # 16 requests of 50 ms over 2 workers: 400 ms, however many connections there are.
        assert 0.39 < elapsed < 2
        assert len(standin.dump()["items"]) == 16


def test_requests_are_counted_exactly_and_without_keys() -> None:
    with StandIn() as standin, Client(standin) as client:
        number = client.item("one")
        client.patch(f"/items/{number}", {})
        client.get("/items", per_page=2)
        client.request("GET", "/nosuch")

        report = standin.requests()
        assert (report["total"], report["writes"], report["reads"]) == (4, 2, 2)
        assert report["counts"] == {
            "POST /api/items": 1,
            "PATCH /api/items/{id}": 1,
            "GET /api/items": 1,
            "GET /api/nosuch": 1,
        }
        assert report["statuses"] == {"200": 3, "500": 1}
        assert [r["query"] for r in report["recent"]] == ["", "", "per_page=2", ""]
        assert standin.key_credential not in json.dumps(report)
        standin.reset_requests()
        assert standin.requests()["total"] == 0


def test_a_killed_stand_in_finds_everything_again(tmp_path: Path) -> None:
    with StandIn(database=tmp_path / "omeka.sqlite") as standin, Client(standin) as client:
        kept = client.item("kept")
        lost = client.item("lost")
        client.delete(f"/items/{lost}")
        data = {"o:ingester": "upload", "file_index": 0, "o:item": {"o:id": kept}}
        media = client.request(
            "POST", "/media", data={"data": json.dumps(data)}, files={"file[0]": ("a.txt", b"some text")}
        ).json()
        before = standin.dump()

        standin.restart(kill=True)

        assert standin.dump() == before
        assert client.request("GET", media["o:original_url"]).content == b"some text"
        assert client.item("next") == media["o:id"] + 1


def test_a_stand_in_ends_with_its_parent() -> None:
    program = (
        "from tests.standins.omeka_s import StandIn\nimport os, signal\n"
        "s = StandIn()\nprint(s.pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    root = Path(__file__).parents[2]
    parent = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, check=False)
    assert parent.returncode == -signal.SIGKILL
    number = int(parent.stdout)

    _wait(lambda: not _runs(number))


@pytest.mark.parametrize(
    ("sent", "saved"),
    [
        ("1990", {"@value": "1990", "@type": "gYear"}),
        ("1990-02", {"@value": "1990-02", "@type": "gYearMonth"}),
        ("1990-02-28", {"@value": "1990-02-28", "@type": "date"}),
        ("1990-02-30", {"@value": "1990-03-02", "@type": "date"}),
        ("1990-02-28T12:30Z", {"@value": "1990-02-28T12:30+00:00", "@type": "dateTime"}),
        ("90", None),
        ("1990-13", None),
        ("1990-02-32", None),
        ("28.2.1990", None),
    ],
)
def test_timestamps_are_judged_as_the_module_judges(
    sent: str, saved: dict[str, str] | None, modular: Client
) -> None:
    value = {"type": "numeric:timestamp", "property_id": 7, "@value": sent}

    answer = modular.post("/items", {"dcterms:date": [value]})

    shown = [{k: v for k, v in d.items() if k.startswith("@")} for d in answer.get("dcterms:date", [])]
    if saved is None:
        assert shown == []
    else:
        assert shown == [saved | {"@type": f"http://www.w3.org/2001/XMLSchema#{saved['@type']}"}]


@pytest.fixture(scope="module")
def modular() -> Iterator[Client]:
    modules = ["NumericDataTypes", "CustomVocab", "ValueSuggest", "DataTypeGeometry"]
    with StandIn(modules=modules) as standin, Client(standin) as connected:
        yield connected


def test_data_types_of_modules_exist_only_with_them(client: Client, modular: Client) -> None:
    vocab = modular.post("/custom_vocabs", {"o:label": "Kinds", "o:terms": ["a", "b"]})
    assert vocab["o:terms"] == ["a", "b"]
    suggested = {"@id": "http://vocab.example/1", "o:label": "one"}
    values: list[dict[str, Any]] = [
        {"type": f"customvocab:{vocab['o:id']}", "property_id": 8, "@value": "a"},
        {"type": "customvocab:999", "property_id": 8, "@value": "a"},
        {"type": "valuesuggest:geonames:geonames", "property_id": 8, **suggested},
        {"type": "numeric:integer", "property_id": 8, "@value": 5},
        {"type": "geography", "property_id": 8, "@value": "POINT(8 50)"},
    ]

    with_modules = modular.post("/items", {"dcterms:type": values})["dcterms:type"]
    without = client.post("/items", {"dcterms:type": values})

    assert [v["type"] for v in with_modules] == [v["type"] for v in values if "999" not in v["type"]]
    assert with_modules[2]["@value"] == 5
    assert "dcterms:type" not in without
    assert client.request("GET", "/custom_vocabs").status_code == 500


def test_pages_show_items_escaped(standin: StandIn, client: Client) -> None:
    number = client.item("<b>bold</b>")

    for path in ("/", f"/item/{number}", f"/s/any/item/{number}", f"/admin/item/{number}"):
        page = client.request("GET", standin.url + path)
        assert page.status_code == 200
        assert "&lt;b&gt;bold&lt;/b&gt;" in page.text
        assert "<b>bold" not in page.text
        assert "googleapis" not in page.text


def test_standard_terms_have_the_ids_of_a_fresh_installation(client: Client) -> None:
    def number(table: str, term: str) -> Any:
        return [t["o:id"] for t in client.get(f"/{table}", term=term)]

    assert number("properties", "dcterms:title") == [1]
    assert number("properties", "bibo:doi") == [92]
    assert number("properties", "foaf:name") == [138]
    assert number("resource_classes", "bibo:Book") == [40]
    assert number("resource_classes", "foaf:Person") == [94]


def test_a_seeded_item_reads_as_it_was_given(standin: StandIn, client: Client) -> None:
    created = client.post("/items", {"x": [literal("t"), literal("hidden", 4, is_public=False)]})
    copied = {k: v for k, v in created.items() if not k.startswith("@")} | {"o:id": created["o:id"] + 1000}

    standin.seed([copied])

    again = client.get(f"/items/{copied['o:id']}")
    assert {k: v for k, v in again.items() if not k.startswith("@")} == copied


def test_an_unknown_knob_is_refused(standin: StandIn) -> None:
    with pytest.raises(RuntimeError, match="no_such"):
        standin.knobs(no_such=1)


@pytest.mark.parametrize(("size", "status"), [(900, 422), (1900, 500), (4000, 413)])
def test_limits_answer_each_in_its_way(size: int, status: int) -> None:
    with StandIn(upload_max_filesize=500, post_max_size=1500, client_max_body_size=3000) as standin:
        boundary = b"--b\r\nContent-Disposition: form-data; name="
        data = json.dumps({"o:ingester": "upload", "file_index": 0}).encode()
        body = boundary + b'"data"\r\n\r\n' + data + b"\r\n"
        body += boundary + b'"file[0]"; filename="a.txt"\r\n\r\n' + b"text " * (size // 5) + b"\r\n--b--\r\n"
        parts = urlsplit(standin.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        key = "&".join(f"{k}={v}" for k, v in standin.key.items())
        connection.request(
            "POST", f"/api/media?{key}", body, {"content-type": "multipart/form-data; boundary=b"}
        )
        assert connection.getresponse().status == status
        connection.close()


def _runs(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    # A process that has ended but was not waited for is not running.
    state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


def _wait(condition: Any, seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_list_of_members_is_the_whole_list_of_a_vocabulary(client: Client) -> None:
    """Not recorded: as Omeka's VocabularyAdapter has it. What is not listed goes, its values with it."""
    terms = [{"o:local_name": name, "o:label": name} for name in ("a", "b")]
    sent = {"o:namespace_uri": "http://e.org/m#", "o:prefix": "mem", "o:label": "M", "o:property": terms}
    number = client.post("/vocabularies", sent)["o:id"]
    made = {one["o:term"]: one["o:id"] for one in client.get("/properties", vocabulary_id=number)}
    value = {"type": "literal", "property_id": made["mem:b"], "@value": "x"}
    item = client.post("/items", {"mem:b": [value]})["o:id"]

    client.patch(f"/vocabularies/{number}", {"o:label": "Else"})
    assert len(client.get("/properties", vocabulary_id=number)) == 2
    renamed = {"o:id": made["mem:a"], "o:label": "Renamed"}
    new = {"o:local_name": "c", "o:label": "C"}
    client.patch(f"/vocabularies/{number}", {"o:property": [renamed, new]})

    left = {one["o:term"]: one["o:label"] for one in client.get("/properties", vocabulary_id=number)}
    assert left == {"mem:a": "a", "mem:c": "C"}
    assert "mem:b" not in client.get(f"/items/{item}")


def test_blocks_of_a_patch_come_behind_those_of_the_page(client: Client) -> None:
    """Not recorded: as Omeka's SitePageAdapter has it."""
    site = client.post("/sites", {"o:title": "P", "o:slug": "p", "o:theme": "default"})["o:id"]
    block = {"o:layout": "html", "o:data": {"html": "<p>1</p>"}}
    sent = {"o:site": {"o:id": site}, "o:title": "T", "o:slug": "t", "o:block": [block]}
    page = client.post("/site_pages", sent)["o:id"]

    answer = client.patch(f"/site_pages/{page}", {"o:block": [{**block, "o:data": {"html": "<p>2</p>"}}]})

    assert [one["o:data"]["html"] for one in answer["o:block"]] == ["<p>1</p>", "<p>2</p>"]


def test_a_put_of_a_page_says_all_of_it(client: Client) -> None:
    """Not recorded: as Omeka's SitePageAdapter has it. A media is shown with its own item only, and what is
    deleted is shown no more."""
    site = client.post("/sites", {"o:title": "Q", "o:slug": "q", "o:theme": "default"})["o:id"]
    shown, other = client.post("/items", {})["o:id"], client.post("/items", {})["o:id"]
    html = {"o:ingester": "html", "html": "<p>1</p>", "o:item": {"o:id": other}}
    media = client.post("/media", html)["o:id"]
    attached = [
        {"o:item": {"o:id": shown}, "o:media": {"o:id": media}, "o:caption": "<p>1</p><script>2</script>"},
        {"o:item": {"o:id": other}, "o:media": {"o:id": media}, "o:caption": "3"},
    ]
    block = {"o:layout": "media", "o:data": {"alignment": "left"}, "o:attachment": attached}
    sent = {"o:site": {"o:id": site}, "o:title": "T", "o:slug": "t", "o:is_public": False, "o:block": [block]}
    page = client.post("/site_pages", sent)
    ((first, second),) = [one["o:attachment"] for one in page["o:block"]]
    assert (first["o:item"]["o:id"], first["o:media"], first["o:caption"]) == (shown, None, "<p>1</p>")
    assert (second["o:item"]["o:id"], second["o:media"]["o:id"]) == (other, media)

    client.delete(f"/items/{shown}")
    answer = client.put(f"/site_pages/{page['o:id']}", {**page, "o:title": "U"})
    assert [len(one["o:attachment"]) for one in answer["o:block"]] == [2]
    assert answer["o:block"][0]["o:attachment"][0]["o:item"] is None
    assert (answer["o:title"], answer["o:is_public"]) == ("U", False)

    bare = client.put(f"/site_pages/{page['o:id']}", {"o:title": "V", "o:slug": "t"})
    assert (bare["o:block"], bare["o:is_public"]) == ([], True)
