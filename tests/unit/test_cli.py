"""Commands that need no running service, and how commands fail."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli import app
from service.cli.client import BatchStatus
from service.cli.imports import describe
from service.cli.run import leave_initial_key, migrated
from service.settings import VERSION, Settings
from service.store.database import Database
from service.store.keys import Key, find_key
from service.store.migrate import head_revision

TOML = '[targets.museum]\nurl = "https://omeka.example.org"\nkey_credential = "hush"\n'


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "accession.toml").write_text(TOML, encoding="utf-8")
    yield


def shell(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    done = CliRunner().invoke(app, list(words))
    assert "Traceback" not in done.output
    return done.exit_code, done.stdout, done.stderr


def key_of(secret: str) -> Key | None:
    with migrated(Settings()) as db:
        return find_key(db, secret.strip())


def test_the_version_is_told() -> None:
    assert shell("--version") == (0, f"accession {VERSION}\n", "")


def test_migrating_twice_changes_nothing_the_second_time() -> None:
    assert shell("migrate")[0::2] == (0, f"The database is at {head_revision()} (was empty).\n")
    assert shell("migrate")[0::2] == (0, f"The database is at {head_revision()} already.\n")


def test_a_database_of_a_later_release_is_left_alone() -> None:
    shell("migrate")
    db = Database(Settings().database)
    with db.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    db.dispose()
    code, _, said = shell("migrate")
    assert code == 1
    assert said.startswith("The database belongs to another release of Accession")
    assert shell("keys", "list")[0] == 1


def test_commands_ask_for_a_migrated_database() -> None:
    assert shell("keys", "list") == (
        1,
        "",
        "The database is not at this release's schema: run `accession migrate` first.\n",
    )


def test_a_key_is_printed_once_alone_and_kept_only_as_a_digest() -> None:
    shell("migrate")
    code, secret, said = shell("keys", "create", "Kiosk", "--scope", "upload,read", "--target", "museum")
    assert code == 0
    assert re.fullmatch(r"acc_[A-Za-z0-9_-]{43}\n", secret)
    assert said == f"Key {secret[:12]}… for Kiosk: upload,read, museum.\n"
    key = key_of(secret)
    assert key is not None
    assert (key.label, key.scopes, key.target) == ("Kiosk", {"upload", "read"}, "museum")
    assert secret.strip().encode() not in Path("data/accession.db").read_bytes()

    code, listed, _ = shell("keys", "list")
    assert [line.split("\t")[:4] for line in listed.splitlines()] == [
        ["key", "label", "scopes", "target"],
        [f"{secret[:12]}…", "Kiosk", "upload,read", "museum"],
    ]
    assert secret.strip() not in listed


def test_a_key_has_all_scopes_and_targets_unless_told_otherwise() -> None:
    shell("migrate")
    key = key_of(shell("keys", "create", "All")[1])
    assert key is not None
    assert (key.scopes, key.target) == ({"upload", "schedule", "read", "admin"}, None)
    repeated = key_of(shell("keys", "create", "Two", "--scope", "read", "--scope", "admin")[1])
    assert repeated is not None
    assert repeated.scopes == {"read", "admin"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--scope", "reed"), "--scope: reed is none of upload, schedule, read, admin."),
        (("--scope", ","), "--scope: nothing is none of upload, schedule, read, admin."),
        (("--target", "nowhere"), "--target: nowhere is not a configured target. Configured: museum."),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(words: tuple[str, ...], message: str) -> None:
    shell("migrate")
    assert shell("keys", "create", "Odd", *words) == (1, "", message + "\n")
    assert len(shell("keys", "list")[1].splitlines()) == 1


@pytest.mark.parametrize("by", ["label", "beginning", "shown"])
def test_a_key_is_revoked_by_its_label_or_its_beginning(by: str) -> None:
    shell("migrate")
    secret = shell("keys", "create", "Kiosk")[1]
    name = {"label": "Kiosk", "beginning": secret[:12], "shown": f"{secret[:12]}…"}[by]
    assert shell("keys", "revoke", name) == (0, "", f"Revoked {secret[:12]}… (Kiosk).\n")
    assert key_of(secret) is None
    code, _, said = shell("keys", "revoke", name)
    assert code == 1
    assert said.startswith(f"No valid key begins with, or is labelled, {name}.")


def test_the_first_key_is_left_for_its_owner_alone_and_only_once(tmp_path: Path, sqlite: Database) -> None:
    settings = Settings(data_dir=tmp_path)
    (tmp_path / "initial-key.coming").write_text("left over by a crash", encoding="utf-8")
    (tmp_path / "initial-key.coming").chmod(0o644)
    leave_initial_key(settings, sqlite)
    left = tmp_path / "initial-key"
    assert stat.S_IMODE(left.stat().st_mode) == 0o600
    assert find_key(sqlite, left.read_text(encoding="utf-8").strip()) is not None
    left.unlink()
    leave_initial_key(settings, sqlite)
    assert sorted(path.name for path in tmp_path.glob("initial-key*")) == []


def test_targets_are_listed_without_their_secrets() -> None:
    assert shell("targets", "list") == (0, "* museum\tomeka-s\thttps://omeka.example.org\n", "")


def test_without_a_target_it_is_said_how_to_configure_one() -> None:
    Path("accession.toml").unlink()
    code, _, said = shell("targets", "list")
    assert code == 1
    assert said.startswith("No target is configured. Set OMEKA_URL")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere.json",), "nowhere.json is not a file."),
        (("accession.toml", "--file", "data0"), "--file data0: write it as NAME=PATH"),
        (("accession.toml", "--file", "data0="), "--file data0=: write it as NAME=PATH"),
        (("accession.toml", "--file", "data0=nowhere"), "nowhere is not a file."),
    ],
)
def test_an_import_of_files_that_are_not_there_is_refused_at_once(
    words: tuple[str, ...], message: str
) -> None:
    code, _, said = shell("import", *words)
    assert code == 1
    assert said.startswith(message)


def test_a_missing_key_and_a_missing_service_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, said = shell("status", "b1")
    assert code == 1
    assert said.startswith("No API key: data/initial-key cannot be read.")
    monkeypatch.setenv("ACCESSION_KEY", "acc_x")
    code, _, said = shell("status", "b1", "--url", "http://127.0.0.1:9")
    assert code == 4
    assert said.startswith("The service at http://127.0.0.1:9 cannot be reached")
    assert shell("status", "b1", "--url", "nonsense")[0] == 4


def test_wrong_settings_have_an_exit_code_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESSION_PORT", "eighty")
    code, _, said = shell("migrate")
    assert code == 3
    assert said.startswith("Settings: port: ")
    Path("accession.toml").write_text("this is = not toml =", encoding="utf-8")
    code, _, said = shell("migrate")
    assert code == 3


def test_wrong_usage_has_an_exit_code_of_its_own() -> None:
    assert shell("impart")[0] == 2
    assert shell("keys", "create")[0] == 2


def test_a_failure_that_nobody_foresaw_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a wire came loose")

    monkeypatch.setattr("service.cli.keys.list_keys", fail)
    shell("migrate")
    assert shell("keys", "list") == (
        1,
        "",
        "This should not have happened: RuntimeError: a wire came loose\n",
    )


def test_a_status_is_read_as_it_is_shown() -> None:
    status = BatchStatus("running\nbatch: b1\ncomment: a: b\ncreated: 12\nfailed: 0\nread: 500\n")
    assert (status.state, status.active, status.lines["comment"]) == ("running", True, "a: b")
    assert describe(status) == "running · read 500 · created 12"


def test_the_example_of_the_documents_is_json() -> None:
    assert json.loads((Path(__file__).parents[2] / "examples/tate/control.json").read_text(encoding="utf-8"))
