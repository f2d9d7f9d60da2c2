"""What a check found, as text: a first line for a shell, then lines for a person, and a verdict."""

from __future__ import annotations

from collections.abc import Iterable

from service.api.lines import one_line
from service.store.control_check import (
    CheckedDraft,
    CheckedFile,
    CheckedRow,
    CheckedValue,
    ControlCheck,
    Found,
)

_LONGEST = 120
"""Characters of a value on a line; JSON has more."""


def check_text(check: ControlCheck) -> str:
    """`OK` or `PROBLEMS n` alone on the first line; the last line is the verdict."""
    return "".join(f"{line}\n" for line in _lines(check))


def found_line(found: Found) -> str:
    """A problem or warning on one line that makes sense alone: where, what, the value, which instruction."""
    place = f"{found.file} row {found.row}" if found.row is not None else found.file
    parts = [found.message]
    if found.value and found.value not in found.message:
        parts.append(f"The value was: {found.value}")
    if place and not found.message.startswith(found.file):
        parts.insert(0, f"{place}:")
    if found.pointer and found.pointer not in found.message:
        if place:
            parts.append(f"[{found.pointer}]")
        else:
            parts.insert(0, f"{found.pointer}:")
    return one_line(" ".join(parts))


def _lines(check: ControlCheck) -> Iterable[str]:
    yield "OK" if check.ok else f"PROBLEMS {check.problem_count}"
    if check.target is not None:
        yield f"target: {one_line(check.target)}"
    yield from map(found_line, check.problems)
    if len(check.problems) < check.problem_count:
        yield f"… and {check.problem_count - len(check.problems)} more problems"
    yield from (f"warning: {found_line(one)}" for one in check.warnings)
    if len(check.warnings) < check.warning_count:
        yield f"… and {check.warning_count - len(check.warnings)} more warnings"
    for file in check.files:
        yield ""
        yield from _file(file)
    yield ""
    yield _verdict(check)


def _verdict(check: ControlCheck) -> str:
    if not check.ok:
        several = "it" if check.problem_count == 1 else "them"
        return f"PROBLEMS {check.problem_count}: correct {several} and check again."
    looked = ["the control file"]
    if check.resolved and check.target is not None:
        looked.append(f"its names in {one_line(check.target)}")
    rows = sum(file.rows_read for file in check.files)
    if rows:
        looked.append("1 row" if rows == 1 else f"{rows} rows")
    warnings = f" Warnings: {check.warning_count}." if check.warning_count else ""
    said = ", ".join(looked[:-1]) + f" and {looked[-1]}" if len(looked) > 1 else looked[0]
    return f"OK: nothing is wrong with {said}.{warnings} What would be created or changed, a dry run tells."


def _file(file: CheckedFile) -> Iterable[str]:
    more = ", and there are more" if file.more else ""
    rows = "1 row was run" if file.rows_read == 1 else f"{file.rows_read} rows were run"
    yield f"{one_line(file.name)}: {rows}{more}."
    yield from (f"  {one_line(sentence)}" for sentence in file.reading)
    for row in file.rows:
        yield from _row(row)


def _row(row: CheckedRow) -> Iterable[str]:
    if row.skipped:
        yield f"row {row.row}: skipped: {one_line(row.skipped)}"
    elif row.problems:
        yield f"row {row.row}: rejected"
    elif not row.drafts:
        yield f"row {row.row}: becomes nothing"
    else:
        yield f"row {row.row}:"
    for draft in row.drafts:
        yield from _draft(draft)
    yield from (f"  problem: {_at_row(one)}" for one in row.problems)
    yield from (f"  warning: {_at_row(one)}" for one in row.warnings)


def _at_row(found: Found) -> str:
    value = f" The value was: {found.value}" if found.value and found.value not in found.message else ""
    pointer = f" [{found.pointer}]" if found.pointer and found.pointer not in found.message else ""
    return one_line(f"{found.message}{value}{pointer}")


def _draft(draft: CheckedDraft) -> Iterable[str]:
    action = "" if draft.action == "new" else f"{draft.action} "
    known = ", ".join(
        f"{term} {_quoted(value)}" for term, value in zip(draft.by, draft.identity, strict=True)
    )
    yield f"  {action}{one_line(draft.destination)}" + (f" ({known})" if known else "")
    for field in draft.fields:
        yield f"    {field.name}: {_short(field.value)}"
    if draft.source:
        yield f"    content: {_short(draft.source)}"
    for one in draft.properties:
        does = "" if one.on_update == "replace" else f" ({one.on_update})"
        for value in one.values:
            yield f"    {one_line(one.term)}{does}: {_value(value)}"
        if not one.values:
            yield f"    {one_line(one.term)}{does}: no value"


def _value(value: CheckedValue) -> str:
    """`“Eagle” literal @en`, `→ item:artist A12`, `<https://…> “label” uri`."""
    parts = []
    if value.link:
        parts.append(f"→ {_short(value.link)}")
    if value.uri:
        parts.append(f"<{_short(value.uri)}>")
    parts += [_quoted(text) for text in (value.text, value.label) if text]
    parts.append(one_line(value.type))
    if value.language:
        parts.append(f"@{one_line(value.language)}")
    if value.public is not None:
        parts.append("public" if value.public else "private")
    if value.annotations:
        parts.append(f"+{value.annotations} about it")
    return " ".join(parts)


def _quoted(text: str) -> str:
    return f"“{_short(text)}”"


def _short(text: str) -> str:
    return one_line(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")
