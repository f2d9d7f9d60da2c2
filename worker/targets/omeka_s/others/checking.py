"""What Omeka S would refuse of what is no resource, found before anything is sent. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from worker.records import Draft, Problem
from worker.targets.omeka_s.others.fields import FIELDS, listing_of
from worker.targets.omeka_s.vocabulary import Unknown, Vocabulary
from worker.targets.redact import excerpt


def check(draft: Draft, vocabulary: Vocabulary) -> Iterator[Problem]:
    """All problems of one draft that its target knows of."""
    for field in FIELDS[draft.kind]:
        try:
            said = field.said(draft)
        except KeyError:
            continue
        names = listing_of(field, vocabulary)
        if names is None or not isinstance(said, str | tuple):
            continue
        for name in (said,) if isinstance(said, str) else said:
            found = names.find(name)
            if isinstance(found, Unknown) and not vocabulary.comes(names, name):
                yield Problem("reject", "names-unknown", found.message, value=excerpt(name))
