"""Short words for values, resources and drafts, and what a merge made of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from worker.planning.merge import Merge, Merged, Unmergeable, merge, outcome
from worker.planning.values import (
    FIELD,
    Base,
    Content,
    Current,
    Held,
    IdentityWish,
    Meant,
    Named,
    Wish,
)

TITLE, SUBJECT, IDENTIFIER = "dcterms:title", "dcterms:subject", "dcterms:identifier"


def content(text: str) -> Content:
    """`Tree @en` is a literal with a language; what begins with `http` is a URI, `#5` a link."""
    main, _, language = text.partition(" @")
    if main.startswith("#"):
        return Content("resource", resource=int(main[1:]))
    if main.startswith("http"):
        return Content("uri", uri=main)
    return Content("literal", text=main, language=language or None)


def held(text: str) -> Held:
    """A trailing `§` makes it private."""
    return Held(content(text.removesuffix("§")), public=not text.endswith("§"), raw=text.encode())


def wish(text: str, **more: Any) -> Wish:
    """A trailing `§` names it private, `!` public; otherwise the record leaves that open."""
    public = {"§": False, "!": True}.get(text[-1:])
    return Wish(content(text.rstrip("§!")), public, raw=f"new {text}".encode(), **more)


def named(name: str, *texts: str, **policy: Any) -> Named:
    return Named(name, tuple(map(wish, texts)), **policy)


def said(*names: Named, fields: tuple[Named, ...] = (), identity: str | None = None) -> Meant:
    """A record that says this; `identity` is its identifier."""
    borne = () if identity is None else (IdentityWish(IDENTIFIER, identity, wish(identity)),)
    return Meant(names, fields, borne)


def subjects(*texts: str, **policy: Any) -> Meant:
    return said(named(SUBJECT, *texts, **policy))


def resource(properties: dict[str, Iterable[str]], **fields: Iterable[str]) -> Current:
    return Current(
        kind="item",
        id=1,
        modified="2026-11-22 17:09:06",
        properties={name: tuple(map(held, texts)) for name, texts in properties.items()},
        fields={
            name.replace("_", "-"): tuple(Held(Content(FIELD, text)) for text in texts)
            for name, texts in fields.items()
        },
    )


def holding(*texts: str) -> Current:
    """A resource with a title, and with these subjects."""
    return resource({TITLE: ["Kept"], **({SUBJECT: texts} if texts else {})})


def wrote(*texts: str, **more: Any) -> Base:
    """What we wrote: a resource with these subjects."""
    return Base(holding(*texts), **more)


def choose(name: str, *texts: str, **policy: Any) -> Meant:
    """A record that sets a field."""
    return said(fields=(Named(name, tuple(Wish(Content(FIELD, text)) for text in texts), **policy),))


def done(merged: Merged) -> Merge:
    assert not isinstance(merged, Unmergeable), merged.message
    return merged


def texts(values: Iterable[Held]) -> list[str]:
    """Values in the words that :func:`held` takes."""
    found = []
    for value in values:
        text = value.content.uri or value.content.text or f"#{value.content.resource}"
        language = f" @{value.content.language}" if value.content.language else ""
        found.append(f"{text}{language}{'' if value.public else '§'}")
    return found


def after(
    meant: Meant, current: Current, base: Base | None = None, name: str = SUBJECT, **how: Any
) -> list[str]:
    """The values of a name after the merge; everything else must be as it was, and a second merge a no-op."""
    merged = done(merge(meant, current, base, **how))
    becomes = outcome(current, merged)
    again = done(merge(meant, becomes, base, **how))
    assert again.changes == ()
    left, right = ({**one.properties, **one.fields} for one in (current, becomes))
    assert {key: value for key, value in left.items() if key != name} == {
        key: value for key, value in right.items() if key != name
    }
    return texts({**becomes.properties, **becomes.fields}.get(name, ()))


def next_base(current: Current, meant: Meant, base: Base | None = None, **how: Any) -> Base:
    """What the ledger holds after the merge was written."""
    merged = done(merge(meant, current, base, **how))
    return Base(outcome(current, merged), merged.footing)
