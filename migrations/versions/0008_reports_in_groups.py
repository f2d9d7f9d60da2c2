"""reports in groups: which entries of a run the same is said of"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

SLICE = 2000
GRAVE = ("rejected", "failed", "uncertain", "altered")
CHANGING = re.compile(r"“[^”]*”|\"[^\"]*\"|https?://\S+|\d+")


def upgrade() -> None:
    op.create_table(
        "report_group",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("weight", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("pointer", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("alike", sa.Boolean(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_report_group_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "id", name=op.f("pk_report_group")),
    )
    with op.batch_alter_table("report_group", schema=None) as batch_op:
        batch_op.create_index("ix_report_group_weight", ["run_id", "weight", "n", "id"], unique=False)
    op.create_table(
        "report_line",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("late", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["run.id"], name=op.f("fk_report_line_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("run_id", "name", "seq", name=op.f("pk_report_line")),
    )
    with op.batch_alter_table("report_line", schema=None) as batch_op:
        batch_op.create_index("ix_report_line_seq", ["run_id", "seq"], unique=False)
    # Whatever was removed by `accession gc` has no report any more.
    runs = op.get_bind().execute(
        sa.text("SELECT id FROM run WHERE phase NOT IN ('reducing', 'reduced', 'removing', 'removed')")
    )
    for run_id in [row[0] for row in runs]:
        _fill(run_id)


def downgrade() -> None:
    op.drop_table("report_line")
    op.drop_table("report_group")


# --- what is said of the entries that are there --------------------------------------------------
# As service.store.said says it at this revision: a migration must not change when that does.

_LINE = sa.text("INSERT INTO report_line (run_id, name, seq, late) VALUES (:run_id, :name, :seq, :late)")
_GROUP = sa.text(
    "INSERT INTO report_group (run_id, id, weight, code, pointer, message, value, alike, n)"
    " VALUES (:run_id, :id, :weight, :code, :pointer, :message, :value, :alike, :n)"
)
_ENTRIES = sa.text(
    "SELECT seq, action, identifier, key_digest, problems, outcome, code, message FROM plan_entry"
    " WHERE run_id = :run_id AND seq > :after AND action <> 'complete' ORDER BY seq LIMIT :most"
)


def _fill(run_id: str) -> None:
    connection, after = op.get_bind(), 0
    n: Counter[str] = Counter()
    groups: dict[str, dict[str, Any]] = {}
    while True:
        page = connection.execute(_ENTRIES, {"run_id": run_id, "after": after, "most": SLICE}).all()
        if not page:
            break
        after = page[-1].seq
        lines = []
        for entry in page:
            for one in _said(entry):
                name = _name(one)
                n[name] += 1
                first = groups.setdefault(name, {**one, "alike": True})
                first["alike"] = first["alike"] and first["message"] == one["message"]
                lines.append({"run_id": run_id, "name": name, "seq": entry.seq, "late": one["late"]})
            if entry.key_digest is None and entry.identifier:
                name = f"i{_digest(unicodedata.normalize('NFC', entry.identifier).strip())}"
                lines.append({"run_id": run_id, "name": name, "seq": entry.seq, "late": False})
        if lines:
            connection.execute(_LINE, lines)
    rows = [
        {
            "run_id": run_id,
            "id": name,
            "n": n[name],
            **{key: one[key] for key in ("weight", "code", "pointer", "alike")},
            "message": _cut(one["message"], 2000),
            "value": _cut(one["value"], 200),
        }
        for name, one in groups.items()
    ]
    if rows:
        connection.execute(_GROUP, rows)


def _said(entry: Any) -> list[dict[str, Any]]:
    problems = json.loads(bytes(entry.problems)) if entry.problems else []
    found = [
        {
            "weight": "note" if one["severity"] == "warning" else "rejected",
            "code": one["code"],
            "message": _clean(one["message"]),
            "pointer": _clean(one.get("pointer", "")),
            "value": _clean(one.get("value", "")),
            "late": False,
        }
        for one in problems
    ]
    if entry.message and entry.message not in [one["message"] for one in problems]:
        late = entry.outcome in GRAVE and entry.action != "reject"
        weight = entry.outcome if late else "rejected" if entry.action == "reject" else "note"
        if late or not problems:
            found.append(
                {
                    "weight": weight,
                    "code": entry.code or "",
                    "message": _clean(entry.message),
                    "pointer": "",
                    "value": "",
                    "late": late,
                }
            )
    return list({_name(one): one for one in reversed(found)}.values())[::-1]


def _name(one: dict[str, Any]) -> str:
    shape = CHANGING.sub("…", one["message"])[:300]
    return f"g{_digest(chr(31).join((one['weight'], one['code'], one['pointer'], shape, str(one['late']))))}"


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def _clean(text: str) -> str:
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
