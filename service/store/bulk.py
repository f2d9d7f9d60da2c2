"""Many values in one parameter.

A list of values as SQLAlchemy hands it over costs more than the query itself, and a driver lets go of
Python's lock only while a statement runs: one statement for a thousand rows leaves the other threads alone,
a thousand statements get into the way of each of them.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.dialects import postgresql

_POSTGRESQL: Dialect = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy leaves it so


def fetch_among(
    connection: Connection, query: str, given: tuple[object, ...], column: str, values: Sequence[str]
) -> Sequence[tuple[Any, ...]]:
    """The rows of a query (with a `?` for each of `given`) of which a column of text is one of these values.

    They come as the driver has them: SQLAlchemy's rows cost as much as the query.
    """
    among: object
    if connection.dialect.name == "postgresql":
        query, among = f"{query.replace('?', '%s')} AND {column} = ANY(%s::text[])", list(values)
    else:
        query = f"{query} AND {column} IN (SELECT value FROM json_each(?))"  # noqa: S608 - names of our own
        among = msgspec.json.encode(values).decode()
    return connection.exec_driver_sql(query, (*given, among)).cursor.fetchall()


def insert_alike(
    connection: Connection,
    table: Table,
    same: tuple[tuple[str, ...], Sequence[object]],
    varying: tuple[tuple[str, ...], Sequence[Sequence[int | str | None]]],
) -> None:
    """Insert rows in one statement. No value may be bytes or hold a NUL.

    `same`: names and values of the columns that are alike in all of them; `varying`: names of the others,
    and their values a row.
    """
    statement = _insert_sql(table, same[0], varying[0], connection.dialect.name)
    connection.exec_driver_sql(statement, (*same[1], msgspec.json.encode(varying[1]).decode()))


@functools.cache
def _insert_sql(table: Table, same: tuple[str, ...], varying: tuple[str, ...], dialect: str) -> str:
    if dialect == "postgresql":
        rows = "json_array_elements(CAST(%s AS json)) AS given(value)"
        values = [_typed(table, name, "%s") for name in same]
        values += [_typed(table, name, f"(value->>{place})") for place, name in enumerate(varying)]
    else:
        rows = "json_each(?)"
        values = ["?" for _ in same]
        values += [f"value->>{place}" for place, _ in enumerate(varying)]
    names = ", ".join(f'"{table.c[name].name}"' for name in (*same, *varying))
    return f"INSERT INTO {table.name} ({names}) SELECT {', '.join(values)} FROM {rows}"  # noqa: S608 - names of our own columns


def _typed(table: Table, name: str, text: str) -> str:
    return f"CAST({text} AS {table.c[name].type.compile(_POSTGRESQL)})"
