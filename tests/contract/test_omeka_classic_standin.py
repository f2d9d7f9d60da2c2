"""What was measured of Omeka Classic but not recorded singly, and what the stand-in adds for tests."""

from __future__ import annotations

import base64
import concurrent.futures
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.standins.omeka_classic import StandIn
from tests.standins.proxy import Fault, FaultProxy

from .omeka_classic.client import Client, text

SECOND = 1_700_000_000
NOBODY: dict[str, str] = {}


@pytest.fixture(scope="module")
def running() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture
def standin(running: StandIn) -> Iterator[StandIn]:
    before = running.knobs()
    yield running
    running.knobs(**{name: getattr(before, name) for name in before.__struct_fields__})


@pytest.fixture
def client(standin: StandIn) -> Iterator[Client]:
    with Client(standin) as connected:
        yield connected


def _titles(standin: StandIn) -> list[list[str]]:
    return [[t["text"] for t in item["element_texts"]] for item in standin.dump()["items"]]


# Reading


def test_a_key_that_is_no_active_users_is_refused_even_for_what_is_public(standin: StandIn) -> None:
    inactive = standin.add_user("admin", active=False)
    for key in ({"key": inactive.key}, {"key": "nonsense"}, {"key": ""}):
        with Client(standin, key=key) as other:
            answer = other.request("GET", "/items")
            assert (answer.status_code, answer.json()) == (403, {"message": "Invalid key."})


def test_per_page_is_cut_to_the_limit_of_the_site(standin: StandIn, client: Client) -> None:
    client.item("one"), client.item("two"), client.item("three")
    standin.knobs(per_page=2)

    assert len(client.get("/items", per_page=100)) == 2
    answer = client.request("GET", "/items", params={"per_page": 100})

    assert 'items?per_page=2&page=2>; rel="next"' in answer.headers["link"]


def test_without_results_the_last_page_is_0(client: Client) -> None:
    answer = client.request("GET", "/exhibits")

    assert answer.headers["omeka-total-results"] == "0"
    assert [part.partition("?")[2] for part in answer.headers["link"].split(", ")] == [
        'page=1&per_page=50>; rel="first"',
        'page=0&per_page=50>; rel="last"',
    ]


def test_following_next_visits_every_item_once(standin: StandIn, client: Client) -> None:
    standin.seed([{"element_texts": [text(f"paged {n}")]} for n in range(7)])
    seen: list[int] = []
    query = {"per_page": "3"}
    while query:
        answer = client.request("GET", "/items", params=query)
        seen += [item["id"] for item in answer.json()]
        following = urlsplit(answer.links.get("next", {}).get("url", "")).query
        assert "key=" not in following
        query = dict(parse_qsl(following))

    assert seen == [item["id"] for item in standin.dump()["items"]]


def test_modified_since_is_strictly_greater(standin: StandIn, client: Client) -> None:
    standin.knobs(clock=SECOND)
    number = client.item("stamped")
    assert client.get(f"/items/{number}")["modified"] == "2023-11-14T22:13:20+00:00"

    def listed(moment: str) -> bool:
        return number in [item["id"] for item in client.get("/items", modified_since=moment)]

    assert listed("2023-11-14T22:13:19Z")
    assert not listed("2023-11-14T22:13:20Z")


def test_files_locations_and_deleted_tags_do_not_touch_an_item(standin: StandIn, client: Client) -> None:
    standin.knobs(clock=SECOND)
    number = client.item("untouched", tags=[{"name": "to be deleted"}])
    before = client.get(f"/items/{number}")
    standin.knobs(clock=SECOND + 60)

    assert client.upload(number, "a.txt", b"some text").status_code == 201
    client.post("/geolocations", {"item": {"id": number}, "latitude": 1, "longitude": 2, "zoom_level": 3})
    assert client.request("DELETE", f"/tags/{before['tags'][0]['id']}").status_code == 204

    after = client.get(f"/items/{number}")
    assert after["modified"] == before["modified"]
    assert (after["files"]["count"], after["tags"]) == (1, [])
    client.put(f"/items/{number}", {})
    assert client.get(f"/items/{number}")["modified"] == "2023-11-14T22:14:20+00:00"


def test_the_sites_filter_leaves_html_out(standin: StandIn, client: Client) -> None:
    number = client.post("/items", {"element_texts": [text("<b>x</b>", html=True)]})["id"]
    assert client.get(f"/items/{number}")["element_texts"][0]["html"] is True
    standin.knobs(filter_element_texts=True)

    (shown,) = client.get(f"/items/{number}")["element_texts"]

    assert sorted(shown) == ["element", "element_set", "text"]


def test_an_old_version_knows_no_search_by_text(standin: StandIn, client: Client) -> None:
    number = client.item("Exactly this")
    search = {
        "advanced[0][element_id]": 50,
        "advanced[0][type]": "is exactly",
        "advanced[0][terms]": "exactly this",
    }
    assert [item["id"] for item in client.get("/items", **search)] == [number]

    standin.knobs(version="2.1")

    answer = client.request("GET", "/items", params=search)
    assert (answer.status_code, answer.json()) == (
        400,
        {"message": 'Invalid GET request parameter: "advanced"'},
    )
    assert "advanced" not in client.get("/resources")["items"]["index_params"]
    assert client.get("/site")["omeka_version"] == "2.1"
    assert client.get("/items", item_type=1, collection=1, modified_since="2020-01-01T00:00:00Z") == []


def test_without_a_plugin_its_resources_are_not_there(standin: StandIn, client: Client) -> None:
    number = client.item("located")
    standin.knobs(plugins=[])

    assert client.request("GET", "/geolocations").status_code == 404
    assert client.get(f"/items/{number}")["extended_resources"] == []


def test_a_disabled_api_answers_403(standin: StandIn, client: Client) -> None:
    standin.knobs(api_enabled=False)

    answer = client.request("GET", "/site")

    assert (answer.status_code, answer.json()) == (403, {"message": "API is disabled"})


def test_head_is_not_known(client: Client) -> None:
    assert client.request("HEAD", "/items").status_code == 405


def test_an_empty_parameter_filters_nothing(client: Client) -> None:
    client.item("any")

    assert client.get("/items", public="", item_type="") == client.get("/items")


def test_files_of_private_items_are_there_for_everybody(standin: StandIn, client: Client) -> None:
    number = client.item("private")
    url = client.upload(number, "a.txt", b"not so secret").json()["file_urls"]["original"]
    with Client(standin, key=NOBODY) as other:
        assert other.request("GET", f"/items/{number}").status_code == 404
        assert other.request("GET", url).content == b"not so secret"
        assert other.get("/files", item=number) == []


# Writing


@pytest.mark.parametrize(
    ("sent", "saved"),
    [(True, True), (False, False), (1, True), ("1", True), ("false", False), ("yes", False)],
)
def test_public_is_a_number_to_the_site(sent: Any, saved: bool, client: Client) -> None:
    assert client.post("/items", {"public": sent})["public"] is saved


def test_a_put_is_partial_by_its_top_level_keys(client: Client) -> None:
    number = client.post(
        "/items",
        {"public": True, "tags": [{"name": "partial"}], "element_texts": [text("a"), text("b", 49)]},
    )["id"]

    answer = client.put(f"/items/{number}", {"featured": True, "owner": {"id": 7}, "added": "1999-01-01"})
    assert (answer["public"], answer["featured"], answer["owner"]["id"]) == (True, True, 1)
    assert [t["name"] for t in answer["tags"]] == ["partial"]
    assert len(answer["element_texts"]) == 2
    answer = client.put(f"/items/{number}", {"element_texts": [text("c", 41)], "tags": []})

    assert answer["tags"] == []
    assert [(t["element"]["id"], t["text"]) for t in answer["element_texts"]] == [(41, "c")]


def test_only_the_order_within_an_element_is_kept(client: Client) -> None:
    texts = [text("first"), text("b", 49), text("second"), text("a", 49), text("c", 41)]

    answer = client.post("/items", {"element_texts": texts})

    assert [t["text"] for t in answer["element_texts"]] == ["first", "second", "b", "a", "c"]


def test_neither_collection_nor_type_can_be_unset(client: Client) -> None:
    collection = client.post("/collections", {"element_texts": [text("kept")]})["id"]
    sent = {"collection": {"id": collection}, "item_type": {"id": 6}}
    number = client.post("/items", sent)["id"]

    for unset in ({"collection": None, "item_type": None}, {"collection": {"id": None}}):
        assert client.put(f"/items/{number}", unset)["collection"]["id"] == collection
    answer = client.request("PUT", f"/items/{number}", json={"collection": {"id": 0}, "item_type": {"id": 0}})

    assert (answer.status_code, answer.json()["errors"]) == (
        400,
        {"item_type_id": "Invalid item type.", "collection_id": "Invalid collection."},
    )
    assert client.get(f"/items/{number}")["collection"]["id"] == collection


def test_a_failed_put_stays_half_applied(standin: StandIn, client: Client) -> None:
    number = client.item("before", tags=[{"name": "kept"}, {"name": "dropped"}])
    texts = [text("first"), {"text": "no html", "element": {"id": 50}}, text("third")]

    answer = client.request(
        "PUT", f"/items/{number}", json={"element_texts": texts, "tags": [{"name": "kept"}]}
    )

    assert answer.status_code == 500
    shown = client.get(f"/items/{number}")
    assert [t["text"] for t in shown["element_texts"]] == ["first"]
    assert [t["name"] for t in shown["tags"]] == ["kept"]


def test_a_deadlock_leaves_what_was_saved_before(standin: StandIn, client: Client) -> None:
    number = client.item("before")
    texts = [text(one) for one in "abc"]
    standin.knobs(deadlocks=3)

    answer = client.request("PUT", f"/items/{number}", json={"element_texts": texts})

    assert answer.status_code == 500
    assert "Deadlock found" in answer.json()["message"]
    left = [one["text"] for one in client.get(f"/items/{number}")["element_texts"]]
    assert left in ([], ["a"], ["a", "b"])
    standin.knobs(deadlocks=0)
    again = client.put(f"/items/{number}", {"element_texts": texts})
    assert [one["text"] for one in again["element_texts"]] == ["a", "b", "c"]


def test_the_existing_spelling_of_a_tag_wins(client: Client) -> None:
    client.item("first", tags=[{"name": "Žluťoučký Kůň"}])

    answer = client.post("/items", {"tags": [{"name": "zlutoucky kun"}, {"name": "Smith, John"}]})

    assert [t["name"] for t in answer["tags"]] == ["Smith, John", "Žluťoučký Kůň"]


def test_parallel_creates_that_share_a_new_tag_race(standin: StandIn, client: Client) -> None:
    standin.knobs(delay_ms=200)
    before = len(standin.dump()["items"])

    def create(_: int) -> int:
        return client.request("POST", "/items", json={"tags": [{"name": "raced"}]}).status_code

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(create, range(4)))

    assert statuses == [201, 500, 500, 500]
    # No orphan, and the tag is there now.
    assert len(standin.dump()["items"]) == before + 1
    assert create(0) == 201


@pytest.mark.parametrize(
    ("document", "left_behind"),
    [
        ({"element_texts": [text("a \U0001f600")]}, True),
        ({"element_texts": [text("fine"), {"text": "no element", "html": False}]}, True),
        ({"tags": [{"name": "\U0001f600"}]}, False),
        ({"tags": [{"name": "x" * 256}]}, False),
        ({"tags": [{"name": " "}]}, False),
        ({"element_texts": [{"text": "no element", "html": False}]}, False),
    ],
)
def test_faults_of_the_client_that_answer_500(
    document: dict[str, Any], left_behind: bool, standin: StandIn, client: Client
) -> None:
    before = len(standin.dump()["items"])

    answer = client.request("POST", "/items", json=document)

    assert answer.status_code == 500
    assert list(answer.json()) == ["message"]
    assert len(standin.dump()["items"]) == before + left_behind


def test_tables_of_four_bytes_take_every_character(standin: StandIn, client: Client) -> None:
    standin.knobs(utf8mb4=True)

    answer = client.post("/items", {"element_texts": [text("\U0001f600")], "tags": [{"name": "\U0001f600"}]})

    assert answer["element_texts"][0]["text"] == answer["tags"][0]["name"] == "\U0001f600"


def test_some_hosts_allow_get_and_post_only(standin: StandIn, client: Client) -> None:
    number = client.item("overridden")
    standin.knobs(override_only=True)

    for method in ("PUT", "DELETE"):
        answer = client.request(method, f"/items/{number}", json={})
        assert (answer.status_code, answer.headers["content-type"]) == (405, "text/html")
    put = {"X-HTTP-Method-Override": "PUT"}
    answer = client.request("POST", f"/items/{number}", json={"featured": True}, headers=put)
    assert answer.json()["featured"] is True
    delete = {"X-HTTP-Method-Override": "DELETE"}
    assert client.request("POST", f"/items/{number}", headers=delete).status_code == 204
    assert client.request("GET", f"/items/{number}").status_code == 404


def test_roles_may_do_what_they_may(standin: StandIn, client: Client) -> None:
    number = client.item("of the super user")
    contributor, researcher = standin.add_user("contributor"), standin.add_user("researcher")
    with Client(standin, key={"key": contributor.key}) as other:
        assert other.get(f"/items/{number}")["public"] is False
        assert other.request("PUT", f"/items/{number}", json={}).status_code == 403
        mine = other.item("mine")
        assert other.get(f"/items/{mine}")["owner"]["id"] == contributor.id
        assert other.put(f"/items/{mine}", {"featured": True})["featured"] is True
        assert other.request("POST", "/element_sets", json={"name": "no"}).status_code == 403
        assert other.get(f"/users/{contributor.id}")["role"] == "contributor"
        assert other.request("GET", "/users/1").status_code == 403
    with Client(standin, key={"key": researcher.key}) as other:
        assert other.get(f"/items/{number}")["id"] == number
        assert other.request("POST", "/items", json={}).status_code == 403


def test_an_item_has_one_location(client: Client) -> None:
    place = {"item": {"id": client.item("somewhere")}, "latitude": 50.1, "longitude": 14.4, "zoom_level": 5}
    client.post("/geolocations", place)

    answer = client.request("POST", "/geolocations", json=place)

    assert answer.status_code == 400
    assert answer.json()["errors"] == {"item_id": "A location already exists for the provided item."}


def test_deleting_an_element_removes_its_texts(standin: StandIn, client: Client) -> None:
    made = client.post("/element_sets", {"name": "Short-lived"})["id"]
    element = client.post("/elements", {"name": "Gone soon", "element_set": {"id": made}})["id"]
    kind = client.post("/item_types", {"name": "Kind", "elements": [{"id": element}, {"id": 7}]})["id"]
    item = client.post(
        "/items", {"item_type": {"id": kind}, "element_texts": [text("t"), text("gone", element)]}
    )["id"]

    assert client.request("DELETE", f"/element_sets/{made}").status_code == 204

    assert [t["text"] for t in client.get(f"/items/{item}")["element_texts"]] == ["t"]
    assert [e["id"] for e in client.get(f"/item_types/{kind}")["elements"]] == [7]
    assert client.request("DELETE", f"/item_types/{kind}").status_code == 204
    assert client.get(f"/items/{item}")["item_type"] is None


def test_dublin_core_can_be_deleted() -> None:
    with StandIn() as standin, Client(standin) as client:
        number = client.item("with a title")

        assert client.request("DELETE", "/element_sets/1").status_code == 204

        assert client.get("/elements", element_set=1) == []
        assert client.get(f"/items/{number}")["element_texts"] == []


def test_an_item_type_with_an_unknown_element_answers_500(client: Client) -> None:
    answer = client.request("POST", "/item_types", json={"name": "Odd", "elements": [{"id": 9999}]})

    assert answer.status_code == 500


# Files


def test_files_keep_their_order_and_bytes(client: Client) -> None:
    number = client.item("with files")
    for order, name in ((2, "b.txt"), (1, "a.txt")):
        data = json.dumps({"item": {"id": number}, "order": order})
        assert client.upload(number, name, name.encode() * 9, data).status_code == 201

    files = client.get("/files", item=number, sort_field="order")

    assert [f["original_filename"] for f in files] == ["a.txt", "b.txt"]
    assert files[0]["size"] == 45
    assert files[0]["authentication"] == hashlib.md5(b"a.txt" * 9).hexdigest()
    assert client.request("DELETE", f"/items/{number}").status_code == 204
    assert client.request("GET", files[0]["file_urls"]["original"]).status_code == 404


@pytest.mark.parametrize(
    ("name", "content"), [("t.csv", b"a,b\n1,2\n3,4\n"), ("t.md", b"# text"), ("t.svg", b"<svg></svg>")]
)
def test_types_that_are_refused_leave_nothing(
    name: str, content: bytes, standin: StandIn, client: Client
) -> None:
    before = standin.dump()

    answer = client.upload(before["items"][0]["id"] if before["items"] else client.item("x"), name, content)

    assert answer.status_code == 500
    assert "disallowed file extension" in answer.json()["message"]
    assert standin.dump()["files"] == before["files"]


def test_a_name_that_is_too_long_for_its_column_leaves_nothing(standin: StandIn, client: Client) -> None:
    before = standin.dump()["files"]

    assert client.upload(client.item("x"), "n" * 300 + ".txt", b"some text").status_code == 500

    assert standin.dump()["files"] == before


def test_a_text_that_fails_leaves_the_file_behind(standin: StandIn, client: Client) -> None:
    number = client.item("with a file")
    data = json.dumps({"item": {"id": number}, "element_texts": [{"text": "no html", "element": {"id": 50}}]})

    assert client.upload(number, "a.txt", b"some text", data).status_code == 500

    assert client.get(f"/items/{number}")["files"]["count"] == 1


def test_uploads_at_the_same_time_collide_where_the_site_cannot_bear_that(
    standin: StandIn, client: Client
) -> None:
    number = client.item("busy")
    standin.knobs(uploads_collide=True, delay_ms=200)

    def upload(place: int) -> tuple[int, str]:
        answer = client.upload(number, f"{place}.txt", b"some text")
        return answer.status_code, answer.json().get("message", "")

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(upload, range(2)))

    assert answers == [(201, ""), (500, "The given destination is not writable")]
    assert client.get(f"/items/{number}")["files"]["count"] == 1
    assert upload(3) == (201, "")


@pytest.mark.parametrize(("size", "status"), [(900, 500), (1900, 400), (4000, 413)])
def test_limits_answer_each_in_its_way(size: int, status: int, standin: StandIn, client: Client) -> None:
    number = client.item("too much")
    standin.knobs(upload_max_filesize=500, post_max_size=1500, client_max_body_size=3000)

    assert client.upload(number, "a.txt", b"text " * (size // 5)).status_code == status


# What only a stand-in has


def test_requests_are_counted_exactly_and_without_keys() -> None:
    with StandIn() as standin, Client(standin) as client:
        number = client.item("one")
        client.put(f"/items/{number}", {})
        client.get("/items", per_page=2)
        client.request("GET", "/nosuch")

        report = standin.requests()
        assert (report["total"], report["writes"], report["reads"]) == (4, 2, 2)
        assert report["counts"] == {
            "POST /api/items": 1,
            "PUT /api/items/{id}": 1,
            "GET /api/items": 1,
            "GET /api/nosuch": 1,
        }
        assert report["statuses"] == {"201": 1, "200": 2, "404": 1}
        assert [r["query"] for r in report["recent"]] == ["", "", "per_page=2", ""]
        assert standin.api_key not in json.dumps(report)
        standin.reset_requests()
        assert standin.requests()["total"] == 0


def test_a_killed_stand_in_finds_everything_again(tmp_path: Path) -> None:
    with StandIn(database=tmp_path / "omeka.sqlite") as standin, Client(standin) as client:
        kept = client.item("kept", tags=[{"name": "a tag"}])
        lost = client.item("lost")
        client.request("DELETE", f"/items/{lost}")
        client.request("DELETE", "/elements/36")
        url = client.upload(kept, "a.txt", b"some text").json()["file_urls"]["original"]
        before = standin.dump()

        standin.restart(kill=True)

        assert standin.dump() == before
        assert client.request("GET", url).content == b"some text"
        assert client.item("next") == lost + 1


def test_a_seeded_item_reads_as_it_was_given(standin: StandIn, client: Client) -> None:
    sent = {"public": True, "tags": [{"name": "copied"}], "element_texts": [text("<i>t</i>", html=True)]}
    created = client.post("/items", sent)
    number = created["id"] + 1000
    copied = json.loads(json.dumps(created).replace(f"items/{created['id']}", f"items/{number}"))
    copied = json.loads(json.dumps(copied).replace(f"?item={created['id']}", f"?item={number}"))

    standin.seed([copied | {"id": number}])

    assert client.get(f"/items/{number}") == copied | {"id": number}


def test_seeds_may_name_what_they_refer_to(standin: StandIn, client: Client) -> None:
    named = [
        {"text": "A title", "element": {"name": "Title"}},
        {
            "text": "Glass",
            "element": {"name": "Original Format"},
            "element_set": {"name": "Item Type Metadata"},
        },
    ]
    (number,) = standin.seed([{"item_type": {"name": "Still Image"}, "element_texts": named}])["items"]
    content = base64.b64encode(b"seeded").decode()
    (file,) = standin.seed(
        files=[{"item": {"id": number}, "original_filename": "a.txt", "content": content}]
    )["files"]

    shown = client.get(f"/items/{number}")
    assert shown["item_type"]["id"] == 6
    assert [t["element"]["id"] for t in shown["element_texts"]] == [50, 7]
    assert client.request("GET", client.get(f"/files/{file}")["file_urls"]["original"]).content == b"seeded"
    dumped = next(f for f in standin.dump()["files"] if f["id"] == file)
    assert dumped["sha256"] == hashlib.sha256(b"seeded").hexdigest()


def test_what_cannot_be_seeded_is_said(standin: StandIn) -> None:
    with pytest.raises(RuntimeError, match="no such section: media"):
        standin.seed(media=[{}])
    with pytest.raises(RuntimeError, match="no element Dublin Core:Nothing"):
        standin.seed([{"element_texts": [{"text": "x", "element": {"name": "Nothing"}}]}])
    with pytest.raises(RuntimeError, match="no_such"):
        standin.knobs(no_such=1)


def test_a_proxy_in_front_makes_faults(standin: StandIn) -> None:
    with FaultProxy(standin.url) as proxy, Client(standin, url=proxy.url) as client:
        proxy.add(Fault("act_then_500", method="POST"))

        assert client.request("POST", "/items", json={"element_texts": [text("orphan")]}).status_code == 500

        assert _titles(standin).count(["orphan"]) == 1
        assert client.get("/site")["omeka_url"] == proxy.url


def test_pages_show_items_escaped(standin: StandIn, client: Client) -> None:
    number = client.post("/items", {"public": True, "element_texts": [text("<b>bold</b>")]})["id"]

    for path in ("/", f"/items/show/{number}", f"/admin/items/show/{number}"):
        page = client.request("GET", standin.url + path)
        assert page.status_code == 200
        assert "&lt;b&gt;bold&lt;/b&gt;" in page.text
        assert "<b>bold" not in page.text
