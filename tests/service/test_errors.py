"""Every way in which a request goes wrong, and that nothing but words comes out."""

from __future__ import annotations

import re
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from service.app import OPERATIONS, create_app
from service.errors import CODES
from service.negotiation import preferred
from service.openapi import document
from tests.service.conftest import PREFIX, House

JSON = {"Accept": "application/json"}


def test_an_unknown_path_and_a_wrong_method_are_told(house: House) -> None:
    nowhere = house.client.get(f"{PREFIX}/nowhere")
    assert [nowhere.status_code, nowhere.text] == [404, f'There is nothing at "{PREFIX}/nowhere".\n']
    slash = house.client.get(f"{PREFIX}/batch/", follow_redirects=False)
    assert slash.status_code == 404
    wrong = house.client.put(f"{PREFIX}/batch")
    assert [wrong.status_code, wrong.headers["allow"]] == [405, "GET, HEAD, POST"]
    assert wrong.text == f'PUT is not possible at "{PREFIX}/batch"; use GET, HEAD, POST.\n'
    assert house.client.get(f"{PREFIX}/control").headers["allow"] == "POST"


def test_problem_documents_have_the_fields_of_their_standard(house: House) -> None:
    answer = house.client.get(f"{PREFIX}/batch?limit=x&sate=y", headers=JSON)
    assert answer.headers["content-type"] == "application/problem+json"
    messages = [
        '"sate" is no parameter of GET batch. Did you mean state?'
        " It takes before, comment, limit, state, target.",
        'limit is "x": not a whole number. Batches a page, 1 to 500.',
    ]
    assert answer.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "\n".join(messages),
        "errors": [
            {"message": messages[0], "code": "parameter-unknown", "parameter": "sate"},
            {"message": messages[1], "code": "parameter-invalid", "parameter": "limit"},
        ],
    }


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "text/plain"),
        ("*/*", "text/plain"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        ("text/html, application/json;q=0.5", "application/json"),
        ("application/json;q=0.2, text/*;q=0.3", "text/plain"),
        ("application/json, */*", "text/plain"),
        ("application/json, */*;q=0.1", "application/json"),
        ("image/png", "text/plain"),
        ("application/json;q=0", "text/plain"),
        ("application/json;q=x,;;,", "text/plain"),
    ],
)
def test_the_form_of_an_answer_follows_what_is_accepted(accept: str | None, chosen: str) -> None:
    assert preferred(accept, ("text/plain", "application/json")) == chosen


@pytest.mark.parametrize("path", ["control", "batch", "file", "schedule", "targets/tate/check"])
def test_a_body_in_neither_form_encoding_is_refused(house: House, path: str) -> None:
    answer = house.client.post(f"{PREFIX}/{path}", json={"batch": "x"})
    assert answer.status_code == 415
    assert answer.text.startswith('A body of the type "application/json" cannot be read: send a form')
    untyped = house.client.post(f"{PREFIX}/{path}", content=b"batch=x")
    assert untyped.status_code == 415


@pytest.mark.parametrize("path", ["batch", "schedule", "file"])
def test_an_empty_body_is_told_what_is_missing(house: House, path: str) -> None:
    answer = house.client.post(f"{PREFIX}/{path}")
    assert answer.status_code == 400
    assert " is missing. " in answer.text


def test_fields_over_the_limit_are_refused_by_the_settings_name(make_house: Any) -> None:
    house = make_house(max_form_bytes=1024)
    answer = house.client.post(f"{PREFIX}/batch", data={"control": "x" * 2000})
    assert answer.status_code == 413
    assert "1,024 bytes together (ACCESSION_MAX_FORM_BYTES)" in answer.text


def test_parameters_over_the_limit_are_refused_by_the_settings_name(make_house: Any) -> None:
    house = make_house(max_form_parts=8)
    answer = house.client.post(f"{PREFIX}/batch", data={f"p{n}": "x" for n in range(9)})
    assert answer.status_code == 413
    assert answer.text.startswith("More than 8 parameters in one request (ACCESSION_MAX_FORM_PARTS).")


def test_a_database_that_is_away_is_a_503_that_says_what_is_safe(house: House) -> None:
    # Somebody else holds the database's only writing transaction for longer than the service repeats.
    with house.db.engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        raw.execute("BEGIN IMMEDIATE")
        try:
            answer = house.client.post(f"{PREFIX}/batch", data={"control": "0" * 64})
            control = house.client.post(
                f"{PREFIX}/control",
                files={"file": ("c", b'{"dataImportControlFileVersion": 0}')},
            )
            written = house.client.post(f"{PREFIX}/targets/tate/check")
        finally:
            raw.execute("ROLLBACK")
    assert answer.status_code == 404  # reading goes on
    assert control.status_code == 400
    assert written.status_code == 503
    assert written.headers["retry-after"] == "10"
    assert written.text == (
        "The database cannot be used at the moment. Try again soon. What was answered 200 before is safe;"
        " what you sent now was not taken.\n"
    )
    assert house.client.post(f"{PREFIX}/targets/tate/check", data={"wait": "0"}).status_code == 202


def test_a_commit_that_may_have_been_one_is_not_called_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = house.filled()
    dialect = house.db.engine.dialect
    commit = dialect.do_commit

    def breaks(connection: Any) -> None:
        ours = connection.info.get("begin") == "BEGIN IMMEDIATE"
        commit(connection)
        if ours:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorname = "SQLITE_IOERR_FSYNC"
            raise error

    monkeypatch.setattr(dialect, "do_commit", breaks)
    answer = house.client.post(f"{PREFIX}/schedule", data={"batch": batch})
    monkeypatch.undo()
    assert answer.status_code == 503
    assert answer.text.endswith(
        " What was answered 200 before is safe; whether what you sent now was taken is not known: look before"
        " you send it again.\n"
    )
    assert house.client.get(f"{PREFIX}/batch/{batch}").text.splitlines()[0] == "scheduled"
    again = house.client.post(f"{PREFIX}/schedule", data={"batch": batch})
    assert again.status_code == 409


def test_a_busy_database_is_tried_again(house: House) -> None:
    with house.db.engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        raw.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.4, raw.execute, ["ROLLBACK"])
        release.start()
        answer = house.client.post(f"{PREFIX}/targets/tate/check", data={"wait": "0"})
        release.join()
    assert answer.status_code == 202


def test_a_blob_store_that_is_away_is_a_503(make_house: Any, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    house = make_house(blob_dir=blocked / "blobs")
    answer = house.client.post(f"{PREFIX}/control", files={"file": ("c", b"{}")})
    assert answer.status_code == 503
    assert str(tmp_path) not in answer.text
    assert answer.text == (
        "The folder of the uploaded files is not there: is its disk mounted? Try again then."
        " What was answered 200 before is safe; what you sent now was not taken.\n"
    )


def test_what_was_not_foreseen_is_a_number_and_no_trace(
    make_house: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house = make_house()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret /var/lib/path")

    monkeypatch.setattr("service.api.targets.target_statuses", fail)
    client = TestClient(house.app, raise_server_exceptions=False)
    client.auth = ("haplo", house.key.secret)
    answer = client.get(f"{PREFIX}/targets")
    assert answer.status_code == 500
    found = re.fullmatch(
        r"Something unexpected happened\. Tell who runs this service the number ([0-9a-f]{8}): it is in its"
        r" log\.\n",
        answer.text,
    )
    assert found is not None
    assert any(found[1] in record.getMessage() for record in caplog.records)


def test_another_schema_is_refused_until_it_is_migrated(make_house: Any) -> None:
    house = make_house()
    house.app.state.services.readiness._right = False
    with house.db.write() as connection:
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        connection.execute(text("UPDATE alembic_version SET version_num = 'elsewhere'"))
    answer = house.client.get(f"{PREFIX}/batch", headers=JSON)
    assert answer.status_code == 503
    assert answer.json()["errors"] == [
        {
            "message": f"The database's schema has the revision elsewhere; this release works with"
            f" {revision}. Run: accession migrate.",
            "code": "wrong-schema",
        }
    ]
    ready = house.client.get("/readyz")
    assert [ready.status_code, ready.text] == [
        503,
        "not ready\ndatabase: ok\nschema: wrong schema. Run: accession migrate.\nblobs: ok\nqueue: ok\n",
    ]
    assert house.client.get("/healthz").text == "ok\n"
    with house.db.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :v"), {"v": revision})
    assert house.client.get(f"{PREFIX}/batch").status_code == 200


QUEUE_ADVICE = "Does Valkey (or Redis) run, and does it take writes? What is scheduled meanwhile waits."


def test_readiness_names_what_is_away(make_house: Any) -> None:
    house = make_house()
    assert house.client.get("/readyz").text == "ready\ndatabase: ok\nschema: ok\nblobs: ok\nqueue: ok\n"
    house.bell.works = False
    answer = house.client.get("/readyz", headers=JSON)
    assert [answer.status_code, answer.json()] == [
        503,
        {
            "ready": False,
            "database": "ok",
            "schema": "ok",
            "blobs": "ok",
            "queue": "not writable",
            "advice": [QUEUE_ADVICE],
        },
    ]
    assert house.client.get("/readyz").text.splitlines()[-1] == f"queue: not writable. {QUEUE_ADVICE}"


def test_every_answer_has_the_headers_that_keep_browsers_in_bounds(house: House) -> None:
    for path in (f"{PREFIX}/batch", f"{PREFIX}/nowhere", "/healthz", "/openapi.json"):
        headers = house.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["cache-control"] == "no-store"


# --- the documents ------------------------------------------------------------------------------


def test_the_description_has_each_route_and_no_other(house: House) -> None:
    described = {
        (method.upper(), path)
        for path, methods in house.client.get("/openapi.json").json()["paths"].items()
        for method in methods
    }
    served = {
        (method, route.path)
        for route in house.app.routes
        for method in (route.methods - {"HEAD"} or route.methods)
        if not route.path.startswith("/admin")
        and route.path not in ("/openapi.json", "/schema/control-1.json")
    }
    assert described == served


def test_the_control_language_has_its_schema(house: House) -> None:
    schema = house.client.get("/schema/control-1.json").json()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_route_and_error_is_explained_to_script_authors() -> None:
    page = (Path(__file__).parents[2] / "docs" / "http-api.md").read_text(encoding="utf-8")
    missing = [
        one.shown for one in OPERATIONS if f"`{one.shown.replace('{', '').replace('}', '')}`" not in page
    ]
    assert missing == []
    assert [code for code in CODES if f"`{code}`" not in page] == []
    described = document(OPERATIONS)
    parameters = {
        name
        for methods in described["paths"].values()
        for operation in methods.values()
        for name in [
            *(one["name"] for one in operation["parameters"]),
            *operation.get("requestBody", {"content": {}})["content"]
            .get("multipart/form-data", {"schema": {"properties": {}}})["schema"]
            .get("properties"),
        ]
    }
    assert sorted(name for name in parameters if f"`{name}" not in page) == []


def test_an_application_of_its_own_closes_what_it_opened(make_house: Any) -> None:
    house = make_house()
    app = create_app(house.settings)
    with TestClient(app) as client:
        assert client.get("/healthz").status_code == 200
    assert app.state.services.db is not house.db
