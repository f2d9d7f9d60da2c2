"""The schema. Only `service.store` writes SQL; only `accession migrate` changes the schema.

Times are whole milliseconds since 1970 UTC (`BigInteger`), so that both databases compare and add
them alike. Enumerations are short strings checked in Python: adding one needs no migration.
JSON is kept as bytes written by msgspec or orjson; nothing queries inside it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("label", String(255), nullable=False),
    Column("prefix", String(32), nullable=False, unique=True),
    Column("digest", String(64), nullable=False),
    Column("scopes", String(255), nullable=False),  # comma-separated, sorted
    Column("target", String(255)),  # the only target that the key may see; NULL: all
    Column(
        "bootstrap", String(16), unique=True
    ),  # "initial" for the key of the first start: only one can insert it
    Column("created_at", BigInteger, nullable=False),
    Column("last_used_at", BigInteger),
    Column("revoked_at", BigInteger),
)

# Sessions of the pages that somebody ended before their time; the others are only in the browsers.
ended_session = Table(
    "ended_session",
    metadata,
    Column("nonce", String(64), primary_key=True),
    Column("ends_at", BigInteger, nullable=False),  # when it would have ended; the row is of no use then
    Index("ix_ended_session_ends_at", "ends_at"),
)

blob = Table(
    "blob",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

# Who brought which bytes: a key may read a digest that it uploaded itself or that a batch it may see uses.
upload = Table(
    "upload",
    metadata,
    Column("digest", String(64), ForeignKey("blob.digest"), primary_key=True),
    Column("key_id", Integer, ForeignKey("api_key.id"), primary_key=True),
    Column("at", BigInteger, nullable=False),
)

control_file = Table(
    "control_file",
    metadata,
    Column("digest", String(64), ForeignKey("blob.digest"), primary_key=True),
    Column("key_id", Integer, ForeignKey("api_key.id"), primary_key=True),
    Column("comment", String(255), nullable=False),
    Column("target", String(255)),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_control_file_comment", "comment", "created_at"),
)

batch = Table(
    "batch",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("control_digest", String(64), ForeignKey("blob.digest"), nullable=False),
    Column("comment", String(255), nullable=False),
    Column("target", String(255), nullable=False),
    Column("key_id", Integer, ForeignKey("api_key.id"), nullable=False),
    Column("corrects", String(32), ForeignKey("batch.id")),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_batch_created_at", "created_at", "id"),
    Index("ix_batch_control_digest", "control_digest"),
)

batch_file = Table(
    "batch_file",
    metadata,
    Column("batch_id", String(32), ForeignKey("batch.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("digest", String(64), ForeignKey("blob.digest"), nullable=False),
    Column("filename", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("key_id", Integer, ForeignKey("api_key.id"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_batch_file_digest", "digest"),
)

# A run. What it is doing follows from these columns (see `service.store.states`), it is nowhere set beside them.
run = Table(
    "run",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("batch_id", String(32), ForeignKey("batch.id", ondelete="CASCADE"), nullable=False),
    Column("mode", String(16), nullable=False),  # import | dry-run | retry | undo
    Column("options", LargeBinary, nullable=False),  # RunOptions
    Column("key_id", Integer, ForeignKey("api_key.id"), nullable=False),
    Column("inputs_digest", String(64), nullable=False),  # control and files: what a plan was made from
    Column("scheduled_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("phase", String(16), nullable=False),  # plan | apply | done
    Column("planned_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("ending", String(16)),  # finished | failed | cancelled
    Column("code", String(64)),  # why it failed, stable
    Column("reason", Text),  # why it failed, for a person
    Column("fence", Integer, nullable=False, server_default=text("0")),
    Column("owner", String(64)),
    Column("lease_until", BigInteger, nullable=False, server_default=text("0")),
    Column("cancel_requested_at", BigInteger),
    Column("pause_requested_at", BigInteger),
    Column("waiting_for", Text),  # why it waits, for a person
    Column("waiting_until", BigInteger),
    Column("requests", BigInteger, nullable=False, server_default=text("0")),
    Column("bytes_sent", BigInteger, nullable=False, server_default=text("0")),
    Column("records_total", BigInteger),  # known once reading has ended
    # One active run a batch: the column is the batch's id while the run is active, NULL afterwards.
    Column("active_batch", String(32), unique=True),
    Index("ix_run_batch_id", "batch_id", "scheduled_at"),
    Index("ix_run_ended_at", "ended_at"),
    Index(
        "ix_run_lease",
        "lease_until",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

# What a run writes to; rows stay when it has ended, `held` does not. One run holds a scope of a target at a time.
run_scope = Table(
    "run_scope",
    metadata,
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("target", String(255), primary_key=True),
    Column("scope", String(255), primary_key=True),
    Column("held", Boolean, nullable=False, server_default=text("false")),
    Index("ix_run_scope_scope", "target", "scope"),
    Index(
        "uq_run_scope_held",
        "target",
        "scope",
        unique=True,
        sqlite_where=text("held"),
        postgresql_where=text("held"),
    ),
)

# What a run had done by a moment, measured every few seconds for its charts. `took_ms`, `requests`: since the last.
run_sample = Table(
    "run_sample",
    metadata,
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("took_ms", BigInteger, nullable=False),
    Column("read", BigInteger, nullable=False),  # records
    Column("done", BigInteger, nullable=False),  # resources with an outcome
    Column("requests", BigInteger, nullable=False),
    Column("latency_ms", Integer),
    Column("at_once", Integer),
    Index("ix_run_sample_at", "at"),
)

# Counts of a run, kept in the transactions that change what they count.
run_count = Table(
    "run_count",
    metadata,
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(24), primary_key=True),
    Column("n", BigInteger, nullable=False),
)

# The plan: one entry a resource (or a rejected or skipped record), complete before the first write.
plan_entry = Table(
    "plan_entry",
    metadata,
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("file", String(255), nullable=False),
    Column("row", BigInteger, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("destination", String(255), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("parent_seq", Integer),  # of a media: the entry of its item, in whose request it travels
    Column("identifier", Text),
    Column("scope", String(255)),
    Column("by", String(255)),
    Column("key_digest", String(64)),
    Column("action", String(16), nullable=False),  # create | update | delete | unchanged | skip | reject
    Column("depth", Integer, nullable=False, server_default=text("0")),
    Column("resource_id", BigInteger),
    Column("draft", LargeBinary),  # records.Draft; NULL where nothing is to be sent
    Column("before", LargeBinary),  # the representation that the plan was made against
    Column("changes", LargeBinary),  # changes.Changes: before → after a name, and conflicts
    Column("meant", String(64)),
    Column("media_meant", String(64)),  # the same of the media that travel with an item
    Column("linked", Text),  # the numbers that its links had when it was planned, sorted; "" for none
    Column("completes", Integer),  # the entry whose resource this one completes: links inside a cycle
    Column("pending", Boolean, nullable=False, server_default=text("false")),  # waits until links are settled
    Column("problems", LargeBinary),  # records.Problem: rejections and warnings
    Column("outcome", String(16)),  # NULL: nothing was done yet
    Column("outcome_id", BigInteger),
    Column("code", String(64)),
    Column("message", Text),
    Index(
        "ix_plan_entry_todo",
        "run_id",
        "depth",
        "seq",
        sqlite_where=text("outcome IS NULL"),
        postgresql_where=text("outcome IS NULL"),
    ),
    Index("ix_plan_entry_action", "run_id", "action", "seq"),
    Index("ix_plan_entry_outcome", "run_id", "outcome", "seq"),
    Index("ix_plan_entry_key", "run_id", "key_digest"),
    Index("ix_plan_entry_row", "run_id", "file", "row", "ordinal"),
    Index(
        "ix_plan_entry_pending",
        "run_id",
        "seq",
        sqlite_where=text("pending"),
        postgresql_where=text("pending"),
    ),
)

# What the values of an entry link to: found by identity, then known by number or by the entry that makes it.
plan_link = Table(
    "plan_link",
    metadata,
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),  # the entry that has the link
    Column("n", Integer, primary_key=True),
    Column("kind", String(24), nullable=False),
    Column("scope", String(255), nullable=False),
    Column("any_scope", Boolean, nullable=False),
    Column("by", String(255), nullable=False),
    Column("key_digest", String(64), nullable=False),
    Column("to_id", BigInteger),  # it stands in the target
    Column("to_seq", Integer),  # this entry of the plan creates it
    Index("ix_plan_link_key", "run_id", "key_digest"),
    Index("ix_plan_link_to", "run_id", "to_seq"),
)

# Identities beside the one that an entry is planned by: read from a record that was refused (so it is mentioned,
# and not absent), or borne by properties that only links look for.
plan_key = Table(
    "plan_key",
    metadata,
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),  # the entry
    Column("kind", String(24), primary_key=True),
    Column("scope", String(255), primary_key=True),
    Column("by", String(255), primary_key=True),
    Column("key_digest", String(64), primary_key=True),
    Column("linkable", Boolean, nullable=False),  # whether a link may lead to it
    Index("ix_plan_key_digest", "run_id", "key_digest"),
)

# The plan in groups, counted as it is made: how many entries change a name, meet a problem, … (plan_groups.Group)
plan_group = Table(
    "plan_group",
    metadata,
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("type", String(16), primary_key=True),  # resource | added | removed | changed | conflict | problem
    Column(
        "action", String(16), primary_key=True
    ),  # of a problem: its severity; of a conflict: its resolution
    Column("name", String(255), primary_key=True),  # the property or field; the problem's code
    Column("n", BigInteger, nullable=False),
    Column("example", Text, nullable=False),  # the first of them: where it stands, and what it says
)

# Where in the plan names, problems and conflicts are met, in blocks of entries (plan_places.BLOCK): how a plan of any
# size is narrowed without reading it. It may name a block too many, never one too few.
plan_place = Table(
    "plan_place",
    metadata,
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("type", String(16), primary_key=True),  # name | problem | conflict | noted
    Column("name", String(255), primary_key=True),  # the property or field; the problem's code
    Column("action", String(16), primary_key=True),  # of the entries
    Column("block", Integer, primary_key=True),
)

# What a report says of the entries of a run (said.Said), in groups of those of which the same is said, counted in the
# transactions that say it.
report_group = Table(
    "report_group",
    metadata,
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("id", String(32), primary_key=True),  # said.Said.group
    Column("weight", String(16), nullable=False),  # rejected | failed | uncertain | altered | note
    Column("code", String(64), nullable=False),
    Column("pointer", Text, nullable=False),  # JSON pointer into the control file
    Column("message", Text, nullable=False),  # of the first
    Column("value", Text, nullable=False),  # of the first
    Column("alike", Boolean, nullable=False),  # whether all have this very message
    Column("n", BigInteger, nullable=False),
    Index("ix_report_group_weight", "run_id", "weight", "n", "id"),
)

# Which entries are in a group; and those that have an identifier but no identity to be found by.
report_line = Table(
    "report_line",
    metadata,
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(32), primary_key=True),  # said.Said.group; said.identifier_key
    Column("seq", Integer, primary_key=True),  # the entry
    Column("late", Boolean, nullable=False),  # said because of how it ended
    Index("ix_report_line_seq", "run_id", "seq"),
)

# The records of a run that were not written, in the format they came in; made at its end.
failed_file = Table(
    "failed_file",
    metadata,
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("digest", String(64), ForeignKey("blob.digest"), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
)

# The journal: intent before effect, outcome after. A row without an outcome is an unknown.
operation = Table(
    "operation",
    metadata,
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("key", String(64), primary_key=True),  # idempotency key: entry and attempt
    Column("seq", Integer, nullable=False),  # plan_entry.seq
    Column("attempt", Integer, nullable=False),
    Column("fence", Integer, nullable=False),  # of the worker that meant it
    Column("method", String(8), nullable=False),  # create | update | delete
    Column("kind", String(24), nullable=False),
    Column("resource_id", BigInteger),  # of an update or a delete
    Column("payload_digest", String(64), nullable=False),
    Column("above_id", BigInteger),  # the highest id that the target had before the intent
    Column("pre_image", LargeBinary),  # what stood there before, for undo: applying.images.PreImage, zlib
    Column("undone_by", String(32)),  # the run that took it back
    Column("intent_at", BigInteger, nullable=False),
    Column("outcome", String(16)),  # done | refused | not-sent | superseded | uncertain
    Column("outcome_at", BigInteger),
    Column("answer_id", BigInteger),
    Column(
        "adopted", Boolean, nullable=False, server_default=text("false")
    ),  # found by looking, not answered
    Column("saved_modified", String(32)),
    Column("altered", LargeBinary),  # targets.base.Difference: what the target saved otherwise than meant
    Column("code", String(64)),
    Column("message", Text),
    Index("ix_operation_entry", "run_id", "seq", "attempt"),
    Index(
        "ix_operation_open",
        "run_id",
        "intent_at",
        sqlite_where=text("outcome IS NULL"),
        postgresql_where=text("outcome IS NULL"),
    ),
    Index("ix_operation_answer", "kind", "answer_id"),
    Index("ix_operation_resource", "kind", "resource_id"),
)

# Answers that reached a worker after it had lost its run: the only table written without the fence.
stray_effect = Table(
    "stray_effect",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    Column("operation_key", String(64), nullable=False),
    Column("resource_id", BigInteger),
    Column("answer", LargeBinary),
    Column("at", BigInteger, nullable=False),
    Column("resolved_at", BigInteger),
    Column("resolution", String(16)),  # adopted | removed | moot
    Index(
        "ix_stray_effect_open",
        "run_id",
        sqlite_where=text("resolved_at IS NULL"),
        postgresql_where=text("resolved_at IS NULL"),
    ),
)

# What this service wrote, by identity: how a record is known again, and what "unchanged" means.
ledger = Table(
    "ledger",
    metadata,
    Column("target", String(255), primary_key=True),
    Column("kind", String(24), primary_key=True),
    Column("scope", String(255), primary_key=True),
    Column("by", String(255), primary_key=True),
    Column("key_digest", String(64), primary_key=True),
    Column("identifier", Text, nullable=False),
    Column("resource_id", BigInteger, nullable=False),
    Column("meant", String(64), nullable=False),
    Column("saved", LargeBinary, nullable=False),  # the representation that the target answered, zlib
    Column("modified", String(32), nullable=False),  # first 19 characters, as text, never converted
    Column("altered", LargeBinary),  # differences reported already: not sent again while `meant` is the same
    Column("media_meant", String(64), nullable=False, server_default=text("''")),  # of the media of an item
    Column("linked", Text, nullable=False, server_default=text("''")),  # numbers that its links had, sorted
    Column("footing", LargeBinary),  # planning.values.Footing: whose values are whose
    Column(
        "withdrawn", String(16)
    ),  # unpublish: what `absent` did to it, so that a returning record regains its state
    Column("run_id", String(32), nullable=False),
    Column("operation_key", String(64), nullable=False),
    Column("written_at", BigInteger, nullable=False),
    Column("part_of", BigInteger),  # of a media: the number of its item
    Column(
        "content", String(64), nullable=False, server_default=text("''")
    ),  # of a media: MediaSource.digest
    Index("ix_ledger_part", "target", "part_of"),
    Index("ix_ledger_resource", "target", "kind", "resource_id"),
    Index("ix_ledger_run", "run_id"),
)

# The first meeting with a scope: pages of what stands in the target, kept, resumable. Confers no ownership.
survey = Table(
    "survey",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("target", String(255), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("by", String(255), nullable=False),
    Column("narrowed", String(64), nullable=False),  # digest of `where`; "" for all
    Column("next_page", Integer, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("complete_at", BigInteger),
    Index("uq_survey_subject", "target", "kind", "by", "narrowed", unique=True),
)

survey_entry = Table(
    "survey_entry",
    metadata,
    Column("survey_id", Integer, ForeignKey("survey.id", ondelete="CASCADE"), primary_key=True),
    Column("resource_id", BigInteger, primary_key=True),
    Column("key_digest", String(64), primary_key=True),
    Column("modified", String(32), nullable=False),
    Index("ix_survey_entry_key", "survey_id", "key_digest"),
)

# What the target held when it was last read and this service had not written it: read once, then kept.
representation = Table(
    "representation",
    metadata,
    Column("target", String(255), primary_key=True),
    Column("kind", String(24), primary_key=True),
    Column("resource_id", BigInteger, primary_key=True),
    Column("modified", String(32), nullable=False),
    Column("saved", LargeBinary, nullable=False),  # JSON, zlib
)

log_line = Table(
    "log_line",
    metadata,
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("level", String(8), nullable=False),  # debug | info | warning | error
    Column("code", String(64), nullable=False),
    Column("file", String(255)),
    Column("row", BigInteger),
    Column("identifier", Text),
    Column("message", Text, nullable=False),
)

# What needs a target or a reader is done by the worker: a task is asked for, done and answered here.
task = Table(
    "task",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(24), nullable=False),  # target-check | target-model | control-check | control-new
    Column("target", String(255)),
    Column("arguments", LargeBinary, nullable=False),
    Column("key_id", Integer, ForeignKey("api_key.id"), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("lease_until", BigInteger, nullable=False, server_default=text("0")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("ended_at", BigInteger),
    Column("failed", Boolean),
    Column("result", LargeBinary),
    Index(
        "ix_task_open",
        "created_at",
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

# What is known of a target since it was last looked at; shown, and compared to notice another site.
target_status = Table(
    "target_status",
    metadata,
    Column("target", String(255), primary_key=True),
    Column("address", String(1024), nullable=False),
    Column("version", String(64)),
    Column("checked_at", BigInteger, nullable=False),
    Column("ok", Boolean, nullable=False),
    Column("message", Text, nullable=False),
)

worker_heartbeat = Table(
    "worker_heartbeat",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", String(32), nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("beat_at", BigInteger, nullable=False),
)

# Files of media that a run has deleted: their bytes are kept as long as it can be undone.
kept_file = Table(
    "kept_file",
    metadata,
    Column("run_id", String(32), ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", String(64), ForeignKey("blob.digest"), primary_key=True),
    Index("ix_kept_file_digest", "digest"),
)

# What is read from a source (another Omeka) for a batch. `since`: only what was changed after this moment; `mark`:
# the source's own clock when it was begun. Both ISO 8601. What has come is a file of the batch when `ended_at` is set.
source_pull = Table(
    "source_pull",
    metadata,
    Column("batch_id", String(32), ForeignKey("batch.id", ondelete="CASCADE"), primary_key=True),
    Column("file", String(255), primary_key=True),
    Column("source", String(255), nullable=False),
    Column("since", String(32), nullable=False),
    Column("mark", String(32), nullable=False),
    Column("failed", Integer, nullable=False),  # pages that could not be read
    Column("ended_at", BigInteger),
    Index("ix_source_pull_source", "source", "ended_at"),
)

# Its pages as they came, until they are put together.
source_page = Table(
    "source_page",
    metadata,
    Column("batch_id", String(32), primary_key=True),
    Column("file", String(255), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", String(64), ForeignKey("blob.digest"), nullable=False),
    Column("position", Text, nullable=False),  # where reading goes on after it
    Column("failed", Boolean, nullable=False),
    ForeignKeyConstraint(
        ["batch_id", "file"],
        ["source_pull.batch_id", "source_pull.file"],
        name="fk_source_page_pull",
        ondelete="CASCADE",
    ),
    Index("ix_source_page_digest", "digest"),
)
