"""What a worker is asked about a control file, and what it found: arguments and result of `control-check`."""

from __future__ import annotations

from msgspec import Struct

MOST_FOUND = 500
"""Problems, and warnings, that a check lists; it counts all of them."""
MOST_ROWS = 1000
"""Rows of each file that a check may be asked to run."""


class NamedBytes(Struct, frozen=True):
    """A file of a check: the name by which the control file knows it, and the digest of its bytes."""

    name: str
    digest: str


class CheckAsked(Struct, frozen=True):
    """The control file by its digest, and the files of which the first `rows` rows are run."""

    control: str
    files: tuple[NamedBytes, ...] = ()
    rows: int = 100


class Found(Struct, frozen=True, omit_defaults=True):
    """One problem or warning, sensible alone. `pointer` (JSON pointer) is a place in the control file,
    `file` and `row` one in the data; `value` is the input, shortened."""

    code: str
    message: str
    pointer: str = ""
    file: str = ""
    row: int | None = None
    value: str = ""


class CheckedValue(Struct, frozen=True, omit_defaults=True):
    """A value as it would be written. `type` is the data type; `link` says which resource is meant."""

    type: str
    text: str = ""
    uri: str = ""
    label: str = ""
    language: str = ""
    public: bool | None = None
    link: str = ""
    annotations: int = 0
    """How many values about this value."""


class CheckedProperty(Struct, frozen=True, omit_defaults=True):
    term: str
    values: tuple[CheckedValue, ...]
    on_update: str = "replace"
    pointer: str = ""


class CheckedField(Struct, frozen=True):
    """What a resource has beside properties, as text: its class, template, item sets, visibility …"""

    name: str
    value: str


class CheckedDraft(Struct, frozen=True, omit_defaults=True):
    """A resource that a row becomes. `identity`: by what it is known again, term by term as in `by`."""

    destination: str
    action: str
    by: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    scope: str = ""
    fields: tuple[CheckedField, ...] = ()
    properties: tuple[CheckedProperty, ...] = ()
    source: str = ""
    """Of media: where the content comes from."""


class CheckedRow(Struct, frozen=True, omit_defaults=True):
    """A row and what it becomes: drafts, or nothing when it is rejected (`problems` says why) or skipped."""

    row: int
    drafts: tuple[CheckedDraft, ...] = ()
    skipped: str = ""
    problems: tuple[Found, ...] = ()
    warnings: tuple[Found, ...] = ()


class CheckedFile(Struct, frozen=True, omit_defaults=True):
    """A file and how it was read. `rows_read` of its rows were run; `rows` holds those that are shown."""

    name: str
    rows_read: int
    more: bool
    """Whether the file has rows beyond those that were run."""
    reading: tuple[str, ...] = ()
    rows: tuple[CheckedRow, ...] = ()


class ControlCheck(Struct, frozen=True):
    """What a check found. `ok`: no problem at all, warnings aside.

    `problems` and `warnings` list everything, also what stands at the rows; of very many the first 500,
    while `problem_count` and `warning_count` count all. `target` is the one that was meant, None: there is
    none. `resolved`: it was asked, and the names that it does not have are among the problems.
    """

    ok: bool
    target: str | None
    resolved: bool
    problem_count: int
    warning_count: int
    problems: tuple[Found, ...]
    warnings: tuple[Found, ...]
    files: tuple[CheckedFile, ...] = ()
