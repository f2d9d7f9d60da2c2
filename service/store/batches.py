"""Control files, batches, the files of a batch, and who may see which bytes.

Wherever a `Key` is asked for, it is the one that asks: what it may not see is as if it were not there.
None stands for the worker, which sees everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    bindparam,
    delete,
    insert,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite

from service.control.chosen import is_list
from service.store.blobs import Digest, Stored
from service.store.database import Database, clock
from service.store.held import hold_within, touch
from service.store.ids import new_id
from service.store.keys import Key
from service.store.removed import BatchRemovedError, lost, newest_words
from service.store.retention import GONE_PHASES
from service.store.runs import RunActiveError
from service.store.tables import (
    api_key,
    batch,
    batch_file,
    blob,
    control_file,
    log_line,
    operation,
    plan_entry,
    report_line,
    run,
    upload,
)


class BatchFacts(Struct, frozen=True):
    """A batch as it was made; what became of it follows from its runs. Times in ms since 1970 UTC."""

    id: str
    control_digest: Digest
    comment: str
    target: str
    key_id: int
    key_label: str
    corrects: str | None
    created_at: int


class FileFacts(Struct, frozen=True):
    """One file of a batch: the name that the control file knows it by, and its bytes."""

    name: str
    digest: Digest
    filename: str
    size: int
    key_label: str
    at: int


class NewBatch(Struct, frozen=True):
    control_digest: Digest
    comment: str
    target: str
    corrects: str | None = None
    id: str | None = None
    """Made of `new_id` beforehand, by who must not make the batch twice; None: it is made now."""


class NewFile(Struct, frozen=True):
    name: str
    digest: Digest
    size: int
    filename: str


class BatchFilter(Struct, frozen=True):
    """Which batches are wanted. `before`: older than this one, as (created_at, id) of the last one seen."""

    target: str | None = None
    comment: str | None = None
    before: tuple[int, str] | None = None
    control: Digest | None = None


class BatchMissingError(Exception):
    """No such batch, or none that this key may see; the message is what was asked for."""


class FileConflictError(Exception):
    """The batch has other bytes under these `names`."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = tuple(names)


class BatchAppliedError(Exception):
    """A run of the batch has sent writes: what it was made of must stay as it is."""


class InputsChangedError(Exception):
    """A file was put into the batch in the same moment."""


class BytesRemovedError(Exception):
    """These bytes (the message: their digest) were not used for long, and are no longer there."""


class BatchReferredError(Exception):
    """Another batch corrects this one; the message is its id."""


# --- bytes --------------------------------------------------------------------------------------


def save_control(db: Database, key: Key, stored: Stored, comment: str) -> None:
    """Remember a control file under its comment, durably. The same bytes again: the newest comment counts."""
    with db.write(durable=True) as connection:
        _record_uploads(connection, key, {stored.digest: stored.size})
        values = {"comment": comment, "created_at": clock(connection)}
        statement = (
            _dialect(connection).insert(control_file).values(digest=stored.digest, key_id=key.id, **values)
        )
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[control_file.c.digest, control_file.c.key_id], set_=values
            )
        )


def save_uploads(db: Database, key: Key, sizes: Mapping[Digest, int]) -> None:
    """Remember who brought these bytes (digest → size), durably, though no batch has them yet."""
    with db.write(durable=True) as connection:
        _record_uploads(connection, key, sizes)


def control_named(db: Database, key: Key, name: str) -> Digest | None:
    """The newest control file saved under this comment that the key may read."""
    with db.read() as connection:
        found = connection.execute(
            select(control_file.c.digest)
            .where(control_file.c.comment == name, readable(control_file.c.digest, key))
            .order_by(control_file.c.created_at.desc(), control_file.c.digest)
            .limit(1)
        ).scalar()
    return None if found is None else Digest(found)


def readable_size(db: Database, key: Key, digest: Digest) -> int | None:
    """The size of these bytes if the key uploaded them or may see a batch that uses them; else None."""
    with db.read() as connection:
        return connection.execute(
            select(blob.c.size).where(blob.c.digest == digest, readable(blob.c.digest, key))
        ).scalar()


def readable_sizes(db: Database, key: Key, digests: Collection[Digest]) -> dict[Digest, int]:
    """The same for several; those that the key may not read are left out."""
    if not digests:
        return {}
    with db.read() as connection:
        rows = connection.execute(
            select(blob.c.digest, blob.c.size).where(
                blob.c.digest.in_(sorted(digests)), readable(blob.c.digest, key)
            )
        )
        return {Digest(row.digest): row.size for row in rows}


def _record_uploads(connection: Connection, key: Key, sizes: Mapping[Digest, int]) -> None:
    hold_within(connection, sizes)
    if not sizes:
        return
    statement = (
        _dialect(connection)
        .insert(upload)
        .values(digest=bindparam("of"), key_id=bindparam("by"), at=clock(connection))
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[upload.c.digest, upload.c.key_id], set_={"at": statement.excluded.at}
        ),
        [{"of": digest, "by": key.id} for digest in sorted(sizes)],
    )


def readable(digest: ColumnElement[str], key: Key) -> ColumnElement[bool]:
    """As SQL: this key brought the bytes, or may see a batch that is made of them."""
    visible = seen(key)
    return or_(
        select(upload.c.key_id).where(upload.c.digest == digest, upload.c.key_id == key.id).exists(),
        select(batch.c.id).where(batch.c.control_digest == digest, *visible).exists(),
        select(batch.c.id)
        .join(batch_file, batch_file.c.batch_id == batch.c.id)
        .where(batch_file.c.digest == digest, *visible)
        .exists(),
    )


def seen(key: Key | None) -> list[ColumnElement[bool]]:
    """As SQL: the conditions on `batch` under which the key may see one."""
    return [] if key is None or key.target is None else [batch.c.target == key.target]


def _dialect(connection: Connection) -> Any:
    return postgresql if connection.dialect.name == "postgresql" else sqlite


# --- batches ------------------------------------------------------------------------------------


def create_batch(db: Database, key: Key, new: NewBatch) -> BatchFacts:
    """Commit a batch, durably. The caller has checked that the key may use control file and target.

    With an `id` of which there is a batch already, that one. Raises `BytesRemovedError` when the control
    file was removed in this moment; `BatchMissingError` for a batch of that `id` that the key may not see.
    """
    with db.write(durable=True) as connection:
        if not touch(connection, new.control_digest):
            raise BytesRemovedError(new.control_digest)
        batch_id = new.id or new_id()
        connection.execute(
            _dialect(connection)
            .insert(batch)
            .values(
                id=batch_id,
                control_digest=new.control_digest,
                comment=new.comment,
                target=new.target,
                key_id=key.id,
                corrects=new.corrects,
                created_at=clock(connection),
            )
            .on_conflict_do_nothing(index_elements=[batch.c.id])
        )
        return _one_batch(connection, key, batch_id)


def batch_facts(db: Database, batch_id: str, key: Key | None = None) -> BatchFacts:
    """Raises `BatchMissingError`."""
    with db.read() as connection:
        return _one_batch(connection, key, batch_id)


def corrected_by(db: Database, batch_id: str) -> list[str]:
    """Ids of the batches that bring failed rows of this one again, oldest first."""
    with db.read() as connection:
        rows = connection.execute(select(batch.c.id).where(batch.c.corrects == batch_id).order_by(batch.c.id))
        return [row.id for row in rows]


def list_batches(db: Database, key: Key, wanted: BatchFilter, limit: int) -> list[BatchFacts]:
    """Newest first. `comment` finds any that contain it, in either case."""
    conditions = seen(key)
    if wanted.target is not None:
        conditions.append(batch.c.target == wanted.target)
    if wanted.comment is not None:
        conditions.append(batch.c.comment.icontains(wanted.comment, autoescape=True))
    if wanted.control is not None:
        conditions.append(batch.c.control_digest == wanted.control)
    if wanted.before is not None:
        conditions.append(tuple_(batch.c.created_at, batch.c.id) < tuple_(*wanted.before))
    with db.read() as connection:
        rows = connection.execute(
            _batches().where(*conditions).order_by(batch.c.created_at.desc(), batch.c.id.desc()).limit(limit)
        )
        return [_facts(row) for row in rows]


def delete_batch(db: Database, batch_id: str) -> None:
    """Remove a batch that never wrote, with its runs and logs; its bytes stay, others may use them.

    Raises `BatchMissingError`, `RunActiveError`, `BatchAppliedError`, `BatchReferredError`.
    """
    with db.write() as connection:
        _refuse_delete(connection, batch_id)
    # What there may be a million of goes first, in slices: no transaction may last long.
    for table in (report_line, plan_entry, log_line):
        while _remove_slice(db, table, batch_id):
            pass
    with db.write(durable=True) as connection:
        _refuse_delete(connection, batch_id)
        connection.execute(delete(batch).where(batch.c.id == batch_id))


def _refuse_delete(connection: Connection, batch_id: str) -> None:
    lock_idle(connection, batch_id)
    _refuse_applied(connection, batch_id)
    corrected_by = connection.execute(
        select(batch.c.id).where(batch.c.corrects == batch_id).limit(1)
    ).scalar()
    if corrected_by is not None:
        raise BatchReferredError(corrected_by)


def _remove_slice(db: Database, table: Table, batch_id: str, size: int = 2000) -> bool:
    """Remove some rows of the batch's ended runs; whether there may be more."""
    with db.write() as connection:
        rows = connection.execute(
            select(table.c.run_id, table.c.seq)
            .join(run, run.c.id == table.c.run_id)
            .where(run.c.batch_id == batch_id, run.c.ended_at.is_not(None))
            .limit(size)
        ).all()
        by_run: dict[str, list[int]] = {}
        for run_id, seq in rows:
            by_run.setdefault(run_id, []).append(seq)
        for run_id, seqs in by_run.items():
            connection.execute(delete(table).where(table.c.run_id == run_id, table.c.seq.in_(seqs)))
    return len(rows) == size


def _batches() -> Any:
    return select(batch, api_key.c.label.label("key_label")).join(api_key, api_key.c.id == batch.c.key_id)


def _one_batch(connection: Connection, key: Key | None, batch_id: str) -> BatchFacts:
    row = connection.execute(_batches().where(batch.c.id == batch_id, *seen(key))).one_or_none()
    if row is None:
        raise BatchMissingError(batch_id)
    return _facts(row)


def _facts(row: Row[Any]) -> BatchFacts:
    return BatchFacts(
        id=row.id,
        control_digest=row.control_digest,
        comment=row.comment,
        target=row.target,
        key_id=row.key_id,
        key_label=row.key_label,
        corrects=row.corrects,
        created_at=row.created_at,
    )


# --- files --------------------------------------------------------------------------------------


def add_files(
    db: Database, key: Key, batch_id: str, files: Sequence[NewFile], *, replace: bool = False
) -> None:
    """Put files into a batch, all or none, durably. The same bytes under the same name again change nothing.

    Lists of identifiers (`only/…`) are no part of what was applied: a batch that has written takes them too.
    Raises `BatchMissingError`, `RunActiveError`, `BatchAppliedError`, `BatchRemovedError`;
    `FileConflictError` for other bytes under a name that is taken, unless `replace`.
    """
    with db.write(durable=True) as connection:
        lock_idle(connection, batch_id)
        lists = all(is_list(file.name) for file in files)
        _refuse_removed(connection, batch_id, lists=lists)
        if not lists:
            _refuse_applied(connection, batch_id)
        present = _present(connection, batch_id, [file.name for file in files])
        changed = [file for file in files if present.get(file.name) != file.digest]
        taken = [file.name for file in changed if file.name in present]
        if taken and not replace:
            raise FileConflictError(taken)
        _record_uploads(connection, key, {file.digest: file.size for file in files})
        for name in taken:
            connection.execute(
                delete(batch_file).where(batch_file.c.batch_id == batch_id, batch_file.c.name == name)
            )
        if changed:
            _insert_files(connection, key, batch_id, changed)


def _present(connection: Connection, batch_id: str, names: Sequence[str]) -> dict[str, str]:
    """The digests of those of the batch's files that have these names."""
    rows = connection.execute(
        select(batch_file.c.name, batch_file.c.digest).where(
            batch_file.c.batch_id == batch_id, batch_file.c.name.in_(names)
        )
    )
    return {row.name: row.digest for row in rows}


def _insert_files(connection: Connection, key: Key, batch_id: str, files: Sequence[NewFile]) -> None:
    connection.execute(
        insert(batch_file).values(
            batch_id=bindparam("batch"),
            name=bindparam("called"),
            digest=bindparam("of"),
            filename=bindparam("sent_as"),
            size=bindparam("bytes"),
            key_id=bindparam("by"),
            at=clock(connection),
        ),
        [
            {
                "batch": batch_id,
                "called": file.name,
                "of": file.digest,
                "sent_as": file.filename,
                "bytes": file.size,
                "by": key.id,
            }
            for file in files
        ],
    )


def conflicting(db: Database, batch_id: str, files: Mapping[str, Digest]) -> list[str]:
    """Those of these names under which the batch has other bytes."""
    with db.read() as connection:
        present = _present(connection, batch_id, list(files))
    return [name for name, digest in files.items() if present.get(name, digest) != digest]


def batch_files(db: Database, batch_id: str) -> list[FileFacts]:
    """The files of a batch by name."""
    with db.read() as connection:
        return files_within(connection, batch_id)


def files_within(connection: Connection, batch_id: str) -> list[FileFacts]:
    """The same within a transaction."""
    rows = connection.execute(
        select(batch_file, api_key.c.label.label("key_label"))
        .join(api_key, api_key.c.id == batch_file.c.key_id)
        .where(batch_file.c.batch_id == batch_id)
        .order_by(batch_file.c.name)
    )
    return [FileFacts(row.name, row.digest, row.filename, row.size, row.key_label, row.at) for row in rows]


def inputs_digest(control: Digest, files: Sequence[FileFacts]) -> str:
    """What a plan is made from, as one digest: the control file, and each file's name and bytes.

    Lists of identifiers choose among records, they are none.
    """
    data = sorted((file for file in files if not is_list(file.name)), key=lambda file: file.name)
    lines = [control, *(f"{file.digest} {file.name}" for file in data)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def require_inputs(connection: Connection, facts: BatchFacts, digest: str) -> None:
    """Raises `InputsChangedError` unless the batch is made of what `inputs_digest` was made of."""
    if inputs_digest(facts.control_digest, files_within(connection, facts.id)) != digest:
        raise InputsChangedError(facts.id)


def lock_idle(connection: Connection, batch_id: str) -> None:
    """Hold the batch until the transaction ends, so that no run begins meanwhile; none may be active.

    (SQLite has one writer anyway; on PostgreSQL the reference of a new run to its batch waits for this lock.)
    """
    locked = connection.execute(select(batch.c.id).where(batch.c.id == batch_id).with_for_update()).scalar()
    if locked is None:
        raise BatchMissingError(batch_id)
    active = connection.execute(select(run.c.id).where(run.c.active_batch == batch_id)).scalar()
    if active is not None:
        raise RunActiveError(active)


def _refuse_removed(connection: Connection, batch_id: str, *, lists: bool) -> None:
    found = lost(connection, batch_id)
    if found == "removed" or (found == "reduced" and not lists):
        raise BatchRemovedError(newest_words(connection, batch_id))


def _refuse_applied(connection: Connection, batch_id: str) -> None:
    written = connection.execute(
        select(operation.c.key)
        .join(run, run.c.id == operation.c.run_id)
        .where(run.c.batch_id == batch_id)
        .limit(1)
    ).first()
    # Of what has been removed it cannot be told any more.
    forgotten = connection.execute(
        select(run.c.id)
        .where(run.c.batch_id == batch_id, run.c.mode.in_(("import", "retry")), run.c.phase.in_(GONE_PHASES))
        .limit(1)
    ).first()
    if written is not None or forgotten is not None:
        raise BatchAppliedError(batch_id)
