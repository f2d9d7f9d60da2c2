"""What Omeka S would refuse of what is no resource, found before anything is sent. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from worker.errors import Reject
from worker.records import Draft, Problem
from worker.targets.omeka_s.others.fields import FIELDS, listing_of
from worker.targets.omeka_s.others.members import properties_meant
from worker.targets.omeka_s.vocabulary import Unknown, Vocabulary
from worker.targets.redact import excerpt


def check(draft: Draft, vocabulary: Vocabulary) -> Iterator[Problem]:
    """All problems of one draft that its target knows of."""
    for field in FIELDS[draft.kind]:
        try:
            said = field.said(draft)
        except KeyError:
            continue
        if isinstance(said, tuple) and field.shape == "properties":
            yield from _of_properties(said, vocabulary)
        names = listing_of(field, vocabulary)
        if names is None or not isinstance(said, str | tuple):
            continue
        for name in (said,) if isinstance(said, str) else said:
            found = names.find(name)
            if isinstance(found, Unknown) and not vocabulary.comes(names, name):
                yield Problem("reject", "names-unknown", found.message, value=excerpt(name))


def _of_properties(said: tuple[str, ...], vocabulary: Vocabulary) -> Iterator[Problem]:
    """What the properties of a template name, each problem once."""
    for one in said:
        try:
            properties_meant((one,), (), vocabulary)
        except Reject as error:
            yield Problem("reject", error.code, error.message, value=excerpt(one))
