from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.installation import Installation, target_of
from tests.acceptance.scenes import scenes as scenes
from tests.acceptance.scenes import undisturbed as undisturbed
from tests.standins.omeka_s import StandIn
from tests.standins.proxy import FaultProxy


@pytest.fixture
def omeka() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture
def accession(tmp_path: Path, omeka: StandIn) -> Iterator[Installation]:
    """A whole installation with one worker and the stand-in as its target."""
    with Installation(tmp_path / "accession", {"omeka": target_of(omeka)}) as installation:
        yield installation.start()


@pytest.fixture
def proxy(omeka: StandIn) -> Iterator[FaultProxy]:
    with FaultProxy(omeka.url) as fault_proxy:
        yield fault_proxy


@pytest.fixture
def troubled(tmp_path: Path, omeka: StandIn, proxy: FaultProxy) -> Iterator[Installation]:
    """The same, with a proxy that can spoil requests between worker and target."""
    with Installation(tmp_path / "accession", {"omeka": target_of(omeka, proxy.url)}) as installation:
        yield installation.start()
