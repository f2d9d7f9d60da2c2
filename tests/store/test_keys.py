"""API keys in the store."""

from __future__ import annotations

import re
import threading

import pytest
from sqlalchemy import select

from service.store import keys
from service.store.database import Database
from service.store.tables import api_key


def test_a_key_is_found_by_itself_and_by_nothing_else(database: Database) -> None:
    made = keys.create_key(database, "script", {"upload", "read"}, "tate")
    assert re.fullmatch(r"acc_[A-Za-z0-9_-]{43}", made.secret)
    assert made.key == keys.Key(
        id=made.key.id,
        label="script",
        prefix=made.secret[:12],
        scopes=frozenset({"upload", "read"}),
        target="tate",
        created_at=made.key.created_at,
        last_used_at=None,
        revoked_at=None,
    )
    assert keys.find_key(database, made.secret) == made.key
    other = "B" if made.secret[-1] == "A" else "A"
    for wrong in (
        "",
        made.secret[:12],
        made.secret[:-1],
        made.secret[:-1] + other,
        made.secret + "A",
        "\ud800",
    ):
        assert keys.find_key(database, wrong) is None


def test_nothing_that_is_kept_gives_the_key_away(database: Database) -> None:
    made = keys.create_key(database, "script")
    with database.read() as connection:
        kept = repr(connection.execute(select(api_key)).all())
    assert made.secret[12:] not in kept
    assert made.secret[:12] in kept


def test_two_keys_never_begin_alike(database: Database) -> None:
    assert len({keys.create_key(database, "same label").key.prefix for _ in range(20)}) == 20


def test_a_revoked_key_stays_listed_and_opens_nothing(database: Database) -> None:
    first, second = keys.create_key(database, "a"), keys.create_key(database, "b")
    assert [key.label for key in keys.revoke_key(database, "a")] == ["a"]
    assert [key.label for key in keys.revoke_key(database, second.key.prefix)] == ["b"]
    assert keys.revoke_key(database, "a") == []
    assert keys.find_key(database, first.secret) is None
    assert [(key.label, key.revoked_at is not None) for key in keys.list_keys(database)] == [
        ("a", True),
        ("b", True),
    ]


def test_use_is_noted(database: Database) -> None:
    made = keys.create_key(database, "a")
    keys.record_use(database, made.key.id)
    used = keys.list_keys(database)[0].last_used_at
    assert used is not None
    assert used >= made.key.created_at


def test_of_many_first_starts_one_makes_the_initial_key(database: Database) -> None:
    made: list[keys.NewKey | None] = []
    threads = [
        threading.Thread(target=lambda: made.append(keys.create_initial_key(database))) for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [one for one in made if one is not None]
    assert len(winners) == 1
    assert winners[0].key.scopes == frozenset(keys.SCOPES)
    keys.revoke_key(database, "initial")
    assert keys.create_initial_key(database) is None


@pytest.mark.parametrize(("target", "seen"), [(None, True), ("tate", True), ("other", False)])
def test_a_key_sees_its_target_or_all(database: Database, target: str | None, seen: bool) -> None:
    assert keys.create_key(database, "a", target=target).key.may_see("tate") is seen
