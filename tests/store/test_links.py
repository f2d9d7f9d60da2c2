"""Links among the entries of a plan: found, taken back, and the order that they ask for."""

from __future__ import annotations

from typing import Any

from service.store import links, plans, runs
from service.store.database import Database
from service.store.links import Edge, EdgePage, KeyRow, LinkRow
from service.store.plans import Entry
from service.store.runs import Claim
from tests.store.support import analyze, claimed, entry, keep, known, seqs, uses


def link(seq: int, value: str, n: int = 0, **more: Any) -> LinkRow:
    given = {
        "seq": seq,
        "n": n,
        "kind": "item",
        "scope": "tate",
        "any_scope": False,
        "by": "dcterms:identifier",
        "key_digest": value,
    }
    return LinkRow(**{**given, **more})


def key(seq: int, value: str, **more: Any) -> KeyRow:
    given = {
        "seq": seq,
        "kind": "item",
        "scope": "tate",
        "by": "dcterms:title",
        "key_digest": value,
        "linkable": True,
    }
    return KeyRow(**{**given, **more})


def add(db: Database, claim: Claim, *rows: LinkRow | KeyRow) -> None:
    with runs.fenced(db, claim) as connection:
        links.insert_links(connection, claim.run_id, [one for one in rows if isinstance(one, LinkRow)])
        links.insert_keys(connection, claim.run_id, [one for one in rows if isinstance(one, KeyRow)])


def found(db: Database, claim: Claim, seq: int) -> list[int | None]:
    return [row.to_seq for row in links.links_of(db, claim.run_id, [seq]).get(seq, [])]


# --- settling -------------------------------------------------------------------------------------


def test_links_are_read_in_order_as_they_were_kept(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    rows = [link(2, "b", 1), link(2, "a", 0, to_id=12), link(3, "c", 0, kind="", any_scope=True)]
    add(database, claim, *rows)
    assert links.links_of(database, claim.run_id, [2, 3, 4]) == {2: [rows[1], rows[0]], 3: [rows[2]]}
    assert links.links_of(database, claim.run_id, []) == {}
    assert links.links_of(database, "another", [2]) == {}


def test_a_link_finds_the_entry_of_its_identity_and_no_other(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    keep(
        database,
        claim,
        known(1, "a", scope="other"),
        known(2, "a", kind="media"),
        known(3, "a", by="dcterms:identifier | dcterms:title"),
        known(4, "b"),
        known(5, "a"),
        known(6, "a", action="update"),
        known(7, "here", action="unchanged", resource_id=70),
        entry(9, pending=True),
    )
    add(
        database,
        claim,
        link(9, "a", 0),
        link(9, "here", 1),
        link(9, "nowhere", 2),
        link(9, "a", 3, by="dcterms:identifier | dcterms:title"),
        link(9, "a", 4, to_id=12),
    )
    links.settle_in_batch(database, claim)
    assert found(database, claim, 9) == [5, 7, None, 3, None]


def test_a_link_that_names_no_scope_finds_the_first_of_any(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    keep(database, claim, known(1, "a", scope="other"), known(2, "a"), entry(3))
    add(database, claim, link(3, "a", 0, scope="", any_scope=True), link(3, "a", 1, scope=""))
    links.settle_in_batch(database, claim)
    assert found(database, claim, 3) == [1, None]


def test_a_link_finds_what_bears_it_in_another_property_after_what_is_known_by_it(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id)
    keep(database, claim, entry(1), known(2, "t", by="dcterms:title"), entry(3), entry(4), entry(5))
    add(
        database,
        claim,
        key(1, "t"),
        key(1, "only here"),
        key(3, "mentioned", linkable=False),
        key(4, "other scope", scope="other"),
        *(
            link(5, value, n, by="dcterms:title")
            for n, value in enumerate(("t", "only here", "mentioned", "other scope"))
        ),
        link(5, "other scope", 4, by="dcterms:title", scope="", any_scope=True),
    )
    links.settle_in_batch(database, claim)
    assert found(database, claim, 5) == [2, 1, None, None, 4]


def test_what_was_refused_or_goes_away_is_not_found(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    actions: tuple[Any, ...] = ("reject", "skip", "delete")
    keep(database, claim, *(known(n, action, action=action) for n, action in enumerate(actions, 1)), entry(8))
    add(
        database,
        claim,
        *(link(8, action, n) for n, action in enumerate(actions)),
        *(key(n, f"alias {action}") for n, action in enumerate(actions, 1)),
        *(link(8, f"alias {action}", n + 10, by="dcterms:title") for n, action in enumerate(actions)),
    )
    links.settle_in_batch(database, claim)
    assert found(database, claim, 8) == [None] * 6


def test_links_are_settled_in_slices_and_each_once(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    keep(database, claim, *(known(n, str(n)) for n in range(1, 11)))
    add(database, claim, *(link(n, str(11 - n), k) for n in range(1, 11) for k in range(3)))
    links.settle_in_batch(database, claim, slice_size=4)
    assert {n: found(database, claim, n) for n in range(1, 11)} == {n: [11 - n] * 3 for n in range(1, 11)}


def test_settled_links_tell_the_entry_or_the_number_that_they_lead_to(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id)
    keep(
        database,
        claim,
        known(1, "new"),
        known(2, "here", action="update", resource_id=70),
        known(3, "named", action="unchanged", completes=1),
        known(4, "refused", action="reject"),
        entry(5),
    )
    rows = [link(5, "new", 0, to_seq=1), link(5, "here", 1, to_seq=2), link(5, "named", 2, to_seq=3)]
    add(database, claim, *rows, link(5, "refused", 3, to_seq=4), link(5, "open", 4))
    made = links.made(database, claim.run_id, [5])
    assert sorted(made, key=lambda one: one[0].n) == [(rows[0], -1), (rows[1], 70), (rows[2], -1)]
    assert links.made(database, claim.run_id, []) == []


# --- what is decided anew -------------------------------------------------------------------------


def test_what_links_to_what_was_refused_waits_again_with_its_whole_record(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id)
    keep(
        database,
        claim,
        known(1, "a", action="reject"),
        entry(2, row=2, draft=b"{}"),
        entry(3, row=2, kind="media", parent_seq=2, draft=b"{}", ordinal=1),
        entry(4, row=4, draft=b"{}"),
        entry(5, row=5, action="unchanged"),
        entry(6, row=6, draft=b"{}"),
    )
    add(
        database,
        claim,
        link(2, "a", to_seq=1),
        link(4, "b", to_seq=2),
        link(5, "a", to_seq=1),
        link(6, "x", 0, to_id=1),
    )
    assert links.reopen(database, claim, [1]) == 2
    assert seqs(plans.pending(database, claim.run_id, 0, 10)) == [2, 3]
    assert [found(database, claim, seq) for seq in (2, 4, 5, 6)] == [[None], [2], [None], [None]]
    assert links.reopen(database, claim, [1]) == 0


def test_entries_that_are_planned_anew_lose_their_links_and_keys(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    add(database, claim, link(1, "a"), key(1, "k"), link(2, "b"), key(2, "k"), key(2, "k"))
    with runs.fenced(database, claim) as connection:
        links.remove_links(connection, claim.run_id, [1])
        links.remove_links(connection, claim.run_id, [])
    assert links.links_of(database, claim.run_id, [1, 2]) == {2: [link(2, "b")]}
    assert links.keys_among(database, claim.run_id, "tate", ["k"]) == [key(2, "k")]
    assert links.keys_among(database, claim.run_id, "other", ["k"]) == []
    assert links.keys_among(database, claim.run_id, "tate", []) == []


# --- order ----------------------------------------------------------------------------------------


def test_edges_lead_to_what_is_created_and_a_part_of_a_request_counts_as_the_whole(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id)
    keep(
        database,
        claim,
        entry(1),
        entry(2, kind="media", parent_seq=1),
        entry(3, kind="media", parent_seq=1, depth=1),
        entry(4, action="update", resource_id=40),
        entry(5, action="unchanged"),
        entry(6),
    )
    add(
        database,
        claim,
        link(6, "a", 0, to_seq=1),
        link(6, "b", 1, to_seq=2),
        link(6, "c", 2, to_seq=3),
        link(6, "d", 3, to_seq=4),
        link(6, "e", 4, to_id=9),
        link(4, "a", 0, to_seq=6),
        link(5, "a", 0, to_seq=6),
    )
    whole = links.edges(database, claim.run_id, (0, -1), 10)
    assert whole == EdgePage((Edge(4, 6), Edge(6, 1), Edge(6, 1), Edge(6, 3)), (6, 2))
    first = links.edges(database, claim.run_id, (0, -1), 2)
    assert first == EdgePage((Edge(4, 6), Edge(6, 1)), (6, 0))
    rest = links.edges(database, claim.run_id, first.after, 10)
    assert rest.edges == (Edge(6, 1), Edge(6, 3))
    assert links.edges(database, claim.run_id, rest.after, 10) == EdgePage((), (6, 2))


def test_media_that_are_sent_alone_follow_their_item_and_later_changes_their_create(
    database: Database, batch_id: str
) -> None:
    claim = claimed(database, batch_id)
    keep(
        database,
        claim,
        entry(1),
        entry(2, kind="media", parent_seq=1),
        entry(3, kind="media", parent_seq=1, depth=1),
        entry(4, action="update", completes=1),
        entry(5, action="unchanged", completes=1),
        entry(6, kind="media", parent_seq=4, depth=1),
    )
    assert links.followers(database, claim.run_id, 0, 10) == [Edge(3, 1), Edge(4, 1), Edge(6, 4)]
    assert links.followers(database, claim.run_id, 3, 1) == [Edge(4, 1)]


# --- how ------------------------------------------------------------------------------------------


def test_the_queries_of_links_use_their_indexes(database: Database, batch_id: str) -> None:
    claim = claimed(database, batch_id)
    entries: list[Entry] = [known(n, str(n), draft=b"{}") for n in range(1, 1501)]
    keep(database, claim, *entries)
    add(
        database,
        claim,
        *(link(n, str(n - 1)) for n in range(2, 1501)),
        *(key(n, f"k{n}") for n in range(1, 1501)),
    )
    analyze(database)
    run_id = claim.run_id
    uses(
        database,
        lambda: links.settle_in_batch(database, claim),
        "ix_plan_entry_key",
        "ix_plan_key_digest",
    )
    analyze(database)
    uses(database, lambda: links.reopen(database, claim, [700]), "ix_plan_link_to", "ix_plan_entry_row")
    uses(database, lambda: links.links_of(database, run_id, [5, 6]), "plan_link")
    uses(database, lambda: links.edges(database, run_id, (700, 0), 50), "plan_link", "plan_entry")
    uses(database, lambda: links.keys_among(database, run_id, "tate", ["k5"]), "ix_plan_key_digest")
