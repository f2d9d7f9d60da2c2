"""One installation with a stand-in and a few batches that went differently, shared by a module's tests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.acceptance.installation import CONTROL, Installation, target_of
from tests.standins.omeka_s import StandIn

PAINTINGS: dict[str, Any] = {
    **CONTROL,
    "maxErrors": "100%",
    "instructions": [
        {"action": "new", "destination": "item"},
        {"source": "title", "name": "dcterms:title"},
        {"source": "artist", "name": "dcterms:creator"},
        {"source": "made", "name": "dcterms:date", "type": "numeric:timestamp", "onError": "reject"},
    ],
}


class Shop:
    """A museum's installation."""

    def __init__(self, accession: Installation, omeka: StandIn) -> None:
        self.accession, self.omeka = accession, omeka
        self.batches: dict[str, str] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.accession.port}"

    def batch(
        self, comment: str, records: list[dict[str, Any]], control: Mapping[str, Any] = PAINTINGS
    ) -> str:
        made = self.accession.batch(control, {"data0": json.dumps(records).encode()}, comment=comment)
        self.batches[comment] = made
        return made


def paintings(number: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "acno": f"N{i:05}",
            "title": f"Study of clouds, no. {i}",
            "artist": "Constable, John",
            "made": "1822",
        }
        | more
        for i in range(1, number + 1)
    ]


@contextmanager
def open_shop(folder: Path) -> Iterator[Shop]:
    with StandIn() as omeka:
        omeka.knobs(modules=["NumericDataTypes"])
        with Installation(
            folder / "accession", {"collections": target_of(omeka)}, {"ACCESSION_SAMPLE": "0.2"}
        ) as accession:
            yield Shop(accession.start(), omeka)
