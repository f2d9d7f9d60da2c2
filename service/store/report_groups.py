"""The report of a run in groups: which entries it says the same of, and how many they are.

Kept in the transactions that write the entries and their outcomes, so a worker that dies counts nothing
twice, and a report of any size begins with one small query. A group is never counted by looking at entries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from service.store.database import Database
from service.store.said import Said, Weight, identifier_key, shortened
from service.store.tables import report_group, report_line

_MANY = 500


class ReportGroup(Struct, frozen=True):
    """Entries of a run of which the same is said. `message` and `value` are those of the first.

    `alike`: the message is the same in all of them, else it differs in what it quotes.
    """

    id: str
    weight: Weight
    code: str
    pointer: str
    message: str
    value: str
    alike: bool
    n: int


# --- kept while a run goes on --------------------------------------------------------------------


def add_lines(
    connection: Connection, run_id: str, said: Sequence[tuple[int, Said]], names: Iterable[tuple[int, str]]
) -> None:
    """Within `runs.fenced`: what is said of entries (seq) that are new or say nothing like it yet.

    `names`: identifiers of entries that have no identity by which they could be found.
    """
    rows = [(run_id, one.group, seq, one.late) for seq, one in said]
    rows += [(run_id, identifier_key(name), seq, False) for seq, name in names]
    if not rows:
        return
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    # Past SQLAlchemy's handling of parameters, which costs as much as the insert itself.
    connection.exec_driver_sql(
        f"INSERT INTO report_line (run_id, name, seq, late) VALUES ({', '.join([mark] * 4)})",  # noqa: S608
        rows,
    )
    _count(connection, run_id, [one for _, one in said])


def _count(connection: Connection, run_id: str, said: Sequence[Said]) -> None:
    n: Counter[str] = Counter()
    first: dict[str, Said] = {}
    unlike: set[str] = set()
    for one in said:
        group = one.group
        n[group] += 1
        if first.setdefault(group, one).message != one.message:
            unlike.add(group)
    if not n:
        return
    rows = []
    for group, one in sorted(first.items()):
        message, value = shortened(one)
        rows.append(
            {
                "run_id": run_id,
                "id": group,
                "weight": one.weight,
                "code": one.code,
                "pointer": one.pointer,
                "message": message,
                "value": value,
                "alike": group not in unlike,
                "n": n[group],
            }
        )
    statement = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(report_group)
    new = statement.excluded
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(report_group.primary_key.columns),
            set_={
                "n": report_group.c.n + new.n,
                "alike": and_(report_group.c.alike, new.alike, report_group.c.message == new.message),
            },
        ),
        rows,
    )


def remove_lines(
    connection: Connection, run_id: str, seqs: Sequence[int], *, only_late: bool = False
) -> None:
    """Within `runs.fenced`: what was said of these entries, or what was said late, is said no longer."""
    gone: Counter[str] = Counter()
    for start in range(0, len(seqs), _MANY):
        of_these = [report_line.c.run_id == run_id, report_line.c.seq.in_(seqs[start : start + _MANY])]
        if only_late:
            of_these.append(report_line.c.late)
        gone.update(
            connection.execute(delete(report_line).where(*of_these).returning(report_line.c.name)).scalars()
        )
    groups = {name: n for name, n in gone.items() if name.startswith("g")}
    for name, n in sorted(groups.items()):
        here = and_(report_group.c.run_id == run_id, report_group.c.id == name)
        connection.execute(report_group.update().where(here).values(n=report_group.c.n - n))
        connection.execute(delete(report_group).where(here, report_group.c.n <= 0))


def clear_lines(connection: Connection, run_id: str, slice_size: int) -> bool:
    """Within `runs.fenced`: forget a part of all that is said of a run; whether there may be more."""
    connection.execute(delete(report_group).where(report_group.c.run_id == run_id))
    seqs = (
        select(report_line.c.seq)
        .where(report_line.c.run_id == run_id)
        .order_by(report_line.c.seq)
        .limit(slice_size)
    )
    removed = connection.execute(
        delete(report_line).where(report_line.c.run_id == run_id, report_line.c.seq.in_(seqs))
    ).rowcount
    return removed > 0


# --- reading --------------------------------------------------------------------------------------


def read_report_groups(
    db: Database, run_id: str, weight: Weight, *, limit: int, after: tuple[int, str] | None = None
) -> list[ReportGroup]:
    """A page of the groups of one weight, the largest first. `after`: (n, id) of the last one seen."""
    wanted: list[ColumnElement[bool]] = [report_group.c.run_id == run_id, report_group.c.weight == weight]
    if after is not None:
        n, group = after
        wanted += [
            report_group.c.n <= n,
            or_(report_group.c.n < n, and_(report_group.c.n == n, report_group.c.id < group)),
        ]
    with db.read() as connection:
        rows = connection.execute(
            select(*_COLUMNS)
            .where(*wanted)
            .order_by(report_group.c.weight.desc(), report_group.c.n.desc(), report_group.c.id.desc())
            .limit(limit)
        )
        return [ReportGroup(*tuple(row)) for row in rows]


def read_report_group(db: Database, run_id: str, group: str) -> ReportGroup | None:
    with db.read() as connection:
        row = connection.execute(
            select(*_COLUMNS).where(report_group.c.run_id == run_id, report_group.c.id == group)
        ).first()
    return ReportGroup(*tuple(row)) if row is not None else None


_COLUMNS = tuple(report_group.c[name] for name in ReportGroup.__struct_fields__)
