"""What a worker says of a source that its own settings do not let it read."""

from __future__ import annotations

import pytest

from service.control.model import SiteReader
from service.settings import Settings, SourceSettings
from worker.errors import Fatal
from worker.sources.beginning import source_settings

OLD = SourceSettings(kind="omeka-s", url="https://old.example.org", targets=["main"])
SETTINGS = Settings(sources={"old": OLD})


def test_a_source_is_found_by_its_name_and_kind() -> None:
    assert source_settings(SETTINGS, SiteReader("omeka-s", "old"), "main") == OLD


@pytest.mark.parametrize(
    ("reader", "target", "code", "said"),
    [
        (SiteReader("omeka-s", "new"), "main", "source-unknown", "configured: old"),
        (SiteReader("omeka-classic", "old"), "main", "source-unknown", "is an omeka-s"),
        (SiteReader("omeka-s", "old"), "other", "source-forbidden", "allow main"),
    ],
)
def test_a_source_that_may_not_be_read_is_refused(
    reader: SiteReader, target: str, code: str, said: str
) -> None:
    with pytest.raises(Fatal, match=said) as caught:
        source_settings(SETTINGS, reader, target)
    assert caught.value.code == code
