"""Identity: read from the context where `new` or `load` stands, as `match` says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from service.control.model import Json, Match, OnError
from worker.mapping.filters import compile_filters
from worker.mapping.inputs import Reading
from worker.mapping.problems import Unconvertible, shown
from worker.mapping.state import RecordState
from worker.mapping.text import as_text, checked_unicode
from worker.records import Identity

ReadIdentity = Callable[[RecordState, Any], "Identity | None"]
"""None: blank, or its reading failed (a problem of the state then tells why)."""


def compile_identity(match: Match, label: str, on_error: OnError, reading: Reading) -> ReadIdentity | None:
    """None where the identity is what the record gives to `by`, which only its end shows."""
    if not match.inputs:
        return None
    getters = [reading.getter(selector, match.pointer) for selector in match.inputs]
    filters = compile_filters(match.filters)
    by = tuple(map(str, match.by))
    many = not match.any_of and len(by) > 1

    def clean(value: Json, context: Any) -> str:
        if isinstance(value, str):
            value = value.strip()
        if filters is not None and value is not None:
            value = filters(value, context)
        return checked_unicode(as_text(value) or "").strip()

    def read(state: RecordState, context: Any) -> Identity | None:
        raw: Any = None
        try:
            values: list[Any] = []
            for getter in getters:
                raw = getter(context)
                values += raw if isinstance(raw, list) else [raw]
            texts = [clean(value, context) for value in values]
        except Unconvertible as failure:
            code = Unconvertible("identity-missing", failure.message)
            state.failed(on_error, code, f"the identity of {label}", match.pointer, raw)
            return None
        if not any(texts):
            return None
        wanted = len(by) if many else 1
        if len(texts) != wanted or not all(texts):
            state.problem(
                on_error,
                "identity-missing",
                f"the identity of {label} wants {wanted} value{'s' if wanted > 1 else ''} "
                f"({' and '.join(by)}); there are {', '.join(f'“{shown(text)}”' for text in texts)}.",
                match.pointer,
            )
            return None
        return Identity(match.scope, by, tuple(texts))

    return read
