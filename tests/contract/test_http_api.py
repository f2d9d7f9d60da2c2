"""The service against its own description: whatever is sent, it answers as it says it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import load_all_checks, not_a_server_error

from service.app import OPERATIONS
from service.openapi import document
from service.store.plans import Entry
from tests.service.conftest import PREFIX, House, make_house, migrated  # noqa: F401 - fixtures

load_all_checks()
CHECKS = [
    not_a_server_error,
    *schemathesis.checks.CHECKS.get_by_names(
        [
            "status_code_conformance",
            "content_type_conformance",
            "response_headers_conformance",
            "response_schema_conformance",
            "unsupported_method",
        ]
    ),
]
FEW = settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def open_house(make_house: Callable[..., House]) -> House:  # noqa: F811 - the fixture above
    house = make_house()
    # Whoever asks to wait is let go at once.
    house.app.state.services.closing.begin()
    return house


@pytest.fixture
def there(open_house: House) -> dict[str, str]:
    """Path parameters that lead to something."""
    batch = open_house.filled()
    entries = [Entry(1, "data0", 1, 0, "item", "item", "create", identifier="a1")]
    open_house.finish(open_house.schedule(batch, "dry-run"), entries=entries)
    asked = open_house.client.post(f"{PREFIX}/targets/tate/check", data={"wait": "0"})
    task = asked.headers["location"].rsplit("/", 1)[1]
    return {"batch_id": batch, "digest": open_house.control(), "name": "tate", "task_id": task}


schema = schemathesis.openapi.from_dict(document(OPERATIONS))


@schema.parametrize()
@FEW
def test_every_answer_is_as_described(case: Any, open_house: House, there: dict[str, str]) -> None:
    key = {"Authorization": f"Bearer {open_house.key.secret}"}
    case.call_and_validate(app=open_house.app, headers=key, checks=CHECKS)
    if case.path_parameters:
        case.path_parameters = {name: there[name] for name in case.path_parameters}
    asked = {**key, "Accept": "application/json"}
    response = case.call_and_validate(app=open_house.app, headers=asked, checks=CHECKS)
    assert response.request.headers["Accept"] == "application/json"
