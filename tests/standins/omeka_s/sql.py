"""The text of the one search statement that is known to fail: too many clauses for one join."""

from __future__ import annotations

_COLUMNS = (
    "r0_.id AS id_0, r0_.title AS title_1, r0_.is_public AS is_public_2, r0_.created AS created_3, "
    "r0_.modified AS modified_4, r0_.resource_type AS resource_type_5, r0_.owner_id AS owner_id_6, "
    "r0_.resource_class_id AS resource_class_id_7, r0_.resource_template_id AS resource_template_id_8, "
    "r0_.thumbnail_id AS thumbnail_id_9, i1_.primary_media_id AS primary_media_id_10"
)


def too_many_tables(clauses: list[tuple[int | None, str, bool]], limit: int, per_page: int) -> str:
    """The database's complaint about ``clauses`` of (property, text, whether OR-ed)."""
    joins, where, texts = "", "", []
    alias = 2 + len(clauses)
    for place, (number, text, alternative) in enumerate(clauses, 2):
        narrowed = f" AND (v{place}_.property_id = {number})" if number else ""
        joins += f" LEFT JOIN `value` v{place}_ ON r0_.id = v{place}_.resource_id{narrowed}"
        r, i, a, m, s = (f"{letter}{alias + n}_" for n, letter in enumerate("rivmi"))
        titled = (
            f"SELECT {r}.id FROM resource {r} LEFT JOIN item {i} ON {r}.id = {i}.id "
            f"LEFT JOIN value_annotation {a} ON {r}.id = {a}.id LEFT JOIN media {m} ON {r}.id = {m}.id "
            f"LEFT JOIN item_set {s} ON {r}.id = {s}.id WHERE {r}.title = ?"
        )
        v = f"v{place}_"
        if where:
            where += " OR " if alternative else " AND "
        where += f"({v}.value_resource_id IN ({titled}) OR {v}.`value` = ? OR {v}.uri = ?)"
        texts += [f'"{text}"'] * 3
        alias += 5
    return (
        f"An exception occurred while executing 'SELECT {_COLUMNS} FROM item i1_ INNER JOIN resource r0_ ON "
        f"i1_.id = r0_.id{joins} WHERE {where} GROUP BY r0_.id ORDER BY r0_.id ASC, r0_.id ASC "
        f"LIMIT {per_page}' with params [{', '.join(texts)}]:\n\nSQLSTATE[HY000]: General error: 1116 Too "
        f"many tables; MariaDB can only use {limit} tables in a join"
    )
