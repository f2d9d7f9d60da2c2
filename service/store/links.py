"""What the entries of a plan link to, and the identities that they bear beside their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from sqlalchemy import Connection, and_, case, delete, func, insert, or_, select, tuple_, update

from service.store.database import Database
from service.store.runs import Claim, fenced
from service.store.tables import plan_entry, plan_key, plan_link

EXISTS = ("create", "update", "unchanged")
"""Actions of entries whose resource is there once the plan is carried out."""


class LinkRow(Struct, frozen=True):
    """One link of an entry: `n` counts them. `kind` "": of any, by number."""

    seq: int
    n: int
    kind: str
    scope: str
    any_scope: bool
    by: str
    key_digest: str
    to_id: int | None = None
    to_seq: int | None = None


class KeyRow(Struct, frozen=True):
    """An identity that an entry bears or mentions. `kind` "": of whichever."""

    seq: int
    kind: str
    scope: str
    by: str
    key_digest: str
    linkable: bool


class Edge(Struct, frozen=True):
    """`seq` can be written whole only when `to_seq` has been written."""

    seq: int
    to_seq: int


_LINK = tuple(plan_link.c[name] for name in LinkRow.__struct_fields__)


def insert_links(connection: Connection, run_id: str, rows: Sequence[LinkRow]) -> None:
    """Within `runs.fenced`."""
    if rows:
        connection.execute(insert(plan_link), [{"run_id": run_id, **_values(row)} for row in rows])


def insert_keys(connection: Connection, run_id: str, rows: Sequence[KeyRow]) -> None:
    """Within `runs.fenced`. The same identity twice in one record is one."""
    unique = {(row.seq, row.kind, row.scope, row.by, row.key_digest): row for row in rows}
    if unique:
        connection.execute(insert(plan_key), [{"run_id": run_id, **_values(row)} for row in unique.values()])


def _values(row: Struct) -> dict[str, object]:
    return {name: getattr(row, name) for name in row.__struct_fields__}


def remove_links(connection: Connection, run_id: str, seqs: Sequence[int]) -> None:
    """Within `runs.fenced`: the links and keys of entries that are planned anew."""
    if seqs:
        for table in (plan_link, plan_key):
            connection.execute(delete(table).where(table.c.run_id == run_id, table.c.seq.in_(seqs)))


def links_of(db: Database, run_id: str, seqs: Sequence[int]) -> dict[int, list[LinkRow]]:
    """The links of these entries, in order."""
    found: dict[int, list[LinkRow]] = {}
    if not seqs:
        return found
    with db.read() as connection:
        rows = connection.execute(
            select(*_LINK)
            .where(plan_link.c.run_id == run_id, plan_link.c.seq.in_(seqs))
            .order_by(plan_link.c.seq, plan_link.c.n)
        )
        for row in rows:
            found.setdefault(row.seq, []).append(LinkRow(*tuple(row)))
    return found


def settle_in_batch(
    db: Database, claim: Claim, slice_size: int = 2000, check: Callable[[], None] = lambda: None
) -> None:
    """Find the entries that bear what the links of this plan seek and the target does not hold, in slices.

    An entry whose resource stands in the target already gives its number. `check` is called before each
    slice; what it raises goes through.
    """
    after = 0
    while True:
        check()
        with db.read() as connection:
            last = connection.execute(
                select(func.max(plan_link.c.seq)).where(
                    plan_link.c.seq.in_(
                        select(plan_link.c.seq)
                        .where(plan_link.c.run_id == claim.run_id, plan_link.c.seq > after)
                        .order_by(plan_link.c.seq)
                        .limit(slice_size)
                    ),
                    plan_link.c.run_id == claim.run_id,
                )
            ).scalar()
        if last is None:
            return
        with fenced(db, claim) as connection:
            _settle_slice(connection, claim.run_id, after, last)
        after = last


def _settle_slice(connection: Connection, run_id: str, after: int, last: int) -> None:
    scope = or_(plan_link.c.any_scope, plan_entry.c.scope == plan_link.c.scope)
    alias_scope = or_(plan_link.c.any_scope, plan_key.c.scope == plan_link.c.scope)
    own = (
        select(func.min(plan_entry.c.seq))
        .where(
            plan_entry.c.run_id == run_id,
            plan_entry.c.key_digest == plan_link.c.key_digest,
            plan_entry.c.kind == plan_link.c.kind,
            plan_entry.c.by == plan_link.c.by,
            plan_entry.c.action.in_(EXISTS),
            scope,
        )
        .correlate(plan_link)
        .scalar_subquery()
    )
    alias = (
        select(func.min(plan_key.c.seq))
        .join(plan_entry, and_(plan_entry.c.run_id == plan_key.c.run_id, plan_entry.c.seq == plan_key.c.seq))
        .where(
            plan_key.c.run_id == run_id,
            plan_key.c.key_digest == plan_link.c.key_digest,
            plan_key.c.kind == plan_link.c.kind,
            plan_key.c.by == plan_link.c.by,
            plan_key.c.linkable,
            plan_entry.c.action.in_(EXISTS),
            alias_scope,
        )
        .correlate(plan_link)
        .scalar_subquery()
    )
    open_links = (
        plan_link.c.run_id == run_id,
        plan_link.c.seq > after,
        plan_link.c.seq <= last,
        plan_link.c.to_id.is_(None),
        plan_link.c.to_seq.is_(None),
        plan_link.c.kind != "",
    )
    connection.execute(update(plan_link).where(*open_links).values(to_seq=func.coalesce(own, alias)))


def made(db: Database, run_id: str, seqs: Sequence[int]) -> list[tuple[LinkRow, int]]:
    """The links of these entries that lead to entries of this plan, with where: the number of a resource
    that stands already, or below zero the entry that creates it."""
    if not seqs:
        return []
    with db.read() as connection:
        rows = connection.execute(
            select(*_LINK, plan_entry.c.resource_id, plan_entry.c.completes)
            .join(
                plan_entry,
                and_(plan_entry.c.run_id == plan_link.c.run_id, plan_entry.c.seq == plan_link.c.to_seq),
            )
            .where(
                plan_link.c.run_id == run_id,
                plan_link.c.seq.in_(seqs),
                plan_entry.c.action.in_(EXISTS),
            )
        ).all()
    found = []
    for row in rows:
        link = LinkRow(*tuple(row)[: len(_LINK)])
        assert link.to_seq is not None
        found.append((link, row.resource_id or -(row.completes or link.to_seq)))
    return found


def reopen(db: Database, claim: Claim, refused: Sequence[int]) -> int:
    """Entries that link to what is refused now wait again; how many."""
    reopened = 0
    for start in range(0, len(refused), 200):
        part = refused[start : start + 200]
        with fenced(db, claim) as connection:
            run_id = claim.run_id
            rows = connection.execute(
                select(plan_entry.c.file, plan_entry.c.row)
                .join(
                    plan_link,
                    and_(plan_link.c.run_id == plan_entry.c.run_id, plan_link.c.seq == plan_entry.c.seq),
                )
                .where(
                    plan_entry.c.run_id == run_id,
                    plan_link.c.to_seq.in_(part),
                    plan_entry.c.action.in_(("create", "update")),
                )
                .distinct()
            ).all()
            connection.execute(
                update(plan_link)
                .where(plan_link.c.run_id == run_id, plan_link.c.to_seq.in_(part))
                .values(to_seq=None)
            )
            for row in rows:
                reopened += connection.execute(
                    update(plan_entry)
                    .where(
                        plan_entry.c.run_id == run_id,
                        plan_entry.c.file == row.file,
                        plan_entry.c.row == row.row,
                        plan_entry.c.draft.is_not(None),
                    )
                    .values(pending=True)
                ).rowcount
    return reopened


def keys_among(db: Database, run_id: str, scope: str, digests: Sequence[str]) -> list[KeyRow]:
    """The identities of one scope, of these, that entries bear beside their own."""
    if not digests:
        return []
    with db.read() as connection:
        rows = connection.execute(
            select(*(plan_key.c[name] for name in KeyRow.__struct_fields__)).where(
                plan_key.c.run_id == run_id, plan_key.c.key_digest.in_(digests), plan_key.c.scope == scope
            )
        )
        return [KeyRow(*tuple(row)) for row in rows]


class EdgePage(Struct, frozen=True):
    edges: tuple[Edge, ...]
    after: tuple[int, int]
    """(seq, n) of the last link seen."""


def edges(db: Database, run_id: str, after: tuple[int, int], limit: int) -> EdgePage:
    """A page of what must be created before what. A media that travels with its item counts as the item;
    one that links to what is still to be created never travels so."""
    source, target = plan_entry.alias("source"), plan_entry.alias("target")
    inline = and_(target.c.parent_seq.is_not(None), target.c.depth == 0)
    wanted = case((inline, target.c.parent_seq), else_=target.c.seq)
    with db.read() as connection:
        rows = connection.execute(
            select(plan_link.c.seq, plan_link.c.n, wanted.label("wanted"))
            .join(source, and_(source.c.run_id == plan_link.c.run_id, source.c.seq == plan_link.c.seq))
            .join(target, and_(target.c.run_id == plan_link.c.run_id, target.c.seq == plan_link.c.to_seq))
            .where(
                plan_link.c.run_id == run_id,
                tuple_(plan_link.c.seq, plan_link.c.n) > tuple_(*after),
                source.c.action.in_(("create", "update")),
                target.c.action == "create",
            )
            .order_by(plan_link.c.seq, plan_link.c.n)
            .limit(limit)
        ).all()
    last = (rows[-1].seq, rows[-1].n) if rows else after
    return EdgePage(tuple(Edge(row.seq, row.wanted) for row in rows), last)


def followers(db: Database, run_id: str, after: int, limit: int) -> list[Edge]:
    """A page of entries that need another one's resource beside their links: media that are sent alone need
    their item, later changes of a new resource its create."""
    needed = func.coalesce(plan_entry.c.completes, plan_entry.c.parent_seq)
    with db.read() as connection:
        rows = connection.execute(
            select(plan_entry.c.seq, needed.label("needed"))
            .where(
                plan_entry.c.run_id == run_id,
                plan_entry.c.seq > after,
                plan_entry.c.action.in_(("create", "update")),
                or_(
                    plan_entry.c.completes.is_not(None),
                    and_(plan_entry.c.parent_seq.is_not(None), plan_entry.c.depth > 0),
                ),
            )
            .order_by(plan_entry.c.seq)
            .limit(limit)
        ).all()
    return [Edge(row.seq, row.needed) for row in rows]
