"""How a request fails: JSON as the API controller gives it, or a page of the framework around it."""

from __future__ import annotations

from .model import Json


class ApiError(Exception):
    """An error that the API answers as JSON ``{"errors": …}``."""

    def __init__(self, status: int, errors: dict[str, Json]) -> None:
        super().__init__(errors)
        self.status = status
        self.errors = errors


class PageError(Exception):
    """An error that no API controller caught: HTML, without the version header."""

    def __init__(self, status: int = 500) -> None:
        super().__init__(status)
        self.status = status


def failed(status: int, message: str) -> ApiError:
    """One message under the key ``error``."""
    return ApiError(status, {"error": message})


def invalid(errors: dict[str, list[Json]]) -> ApiError:
    """What validation found: 422, messages by field."""
    return ApiError(422, dict(errors))


def not_found(entity: str, criteria: str) -> ApiError:
    """The entity manager found nothing. ``criteria`` is the id as JSON (a number, or a quoted string)."""
    return failed(404, f'Omeka\\Entity\\{entity} entity with criteria {{"id":{criteria}}} not found')


def denied(action: str, subject: str) -> ApiError:
    """The access list says no."""
    return failed(403, f"Permission denied for the current user to {action} the {subject} resource.")
