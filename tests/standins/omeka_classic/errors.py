"""How a request fails: JSON ``{"message": …}``, a page of the web server, or nothing at all."""

from __future__ import annotations


class ApiError(Exception):
    """An error that the API answers as JSON."""

    def __init__(self, status: int, message: str, errors: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


class DeadError(Exception):
    """PHP died: 500 with an empty HTML body."""


def not_found() -> ApiError:
    """There is no such record, or not for this caller."""
    return ApiError(404, "Invalid record. Record not found.")


def denied() -> ApiError:
    """The access list says no."""
    return ApiError(403, "Permission denied.")


def invalid(errors: dict[str, str]) -> ApiError:
    """What validation of a record found, by field."""
    return ApiError(400, "Error when saving record.", errors)


def no_object() -> ApiError:
    """The body is not a JSON object."""
    return ApiError(400, "Invalid request. Request body must be a JSON object.")


def sql(complaint: str) -> ApiError:
    """What the database says, word for word."""
    return ApiError(500, f"Mysqli statement execute error : {complaint}")
