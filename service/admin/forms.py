"""Forms of pages that bring files: nothing is taken in before the form has shown that it is ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from service.admin.site import Visit
from service.api.context import form_with_files
from service.uploads import FilePart, Form, Limits


@asynccontextmanager
async def our_form_with_files(visit: Visit, limits: Limits | None = None) -> AsyncIterator[Form]:
    """Raises `ApiError`: 403 for a form that is not ours, before the first byte of a file is kept."""
    async with form_with_files(visit, limits or visit.services.form_limits, visit.require_ours) as form:
        visit.require_ours(form)
        yield form


def control_limits(visit: Visit) -> Limits:
    """Of a form that brings a control file."""
    settings = visit.services.settings
    return replace(
        visit.services.form_limits,
        file=settings.max_control_bytes,
        file_setting="ACCESSION_MAX_CONTROL_BYTES",
    )


def chosen_files(form: Form) -> list[FilePart]:
    """The files that somebody chose: a browser sends an empty one without a name for an empty field."""
    return [part for part in form.files if part.filename or part.incoming.size]
