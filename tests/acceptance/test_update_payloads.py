"""Updates over HTTP: what the record names changes as it says, everything else on the site stays."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.control.names_used import NamesUsed, Used
from service.settings import TargetSettings
from tests.standins.omeka_s import StandIn
from worker.planning.merge import Merge, Unmergeable, merge, outcome
from worker.planning.values import Base, Current
from worker.records import Draft, Fields, Identity, Property, Value
from worker.targets.base import Adapter, Done, Operation, OperationKey, Saved
from worker.targets.limits import Limiter
from worker.targets.omeka_s.resolving import NamesResolver
from worker.targets.omeka_s.updates import current_of, meant_of, update_differences, update_payload
from worker.targets.omeka_s.vocabulary import Vocabulary
from worker.targets.registry import make_adapter

TERMS = ("dcterms:title", "dcterms:subject", "dcterms:identifier", "dcterms:date", "foaf:name")
"""What records may name; the site's resources hold other properties too."""
NUMBERS = {
    "dcterms:title": 1,
    "dcterms:subject": 3,
    "dcterms:identifier": 10,
    "dcterms:date": 7,
    "bibo:number": 107,
}
MODULES = ["NumericDataTypes", "CustomVocab"]


class Site:
    """A stand-in with things that no record names, and the way to it."""

    def __init__(self, omeka: StandIn) -> None:
        self.omeka = omeka
        rows = omeka.seed(
            item_sets=[{"dcterms:title": [literal(1, name)]} for name in ("Set A", "Set B", "Set C")],
            sites=[{"o:slug": slug, "o:title": slug} for slug in ("main", "other")],
            custom_vocabs=[{"o:label": "Materials", "o:terms": ["oil", "chalk"]}],
            resource_templates=[{"o:label": "Artwork"}],
            assets=[{"o:name": "logo", "o:filename": "abc.png", "o:media_type": "image/png"}],
            items=[{"dcterms:title": [literal(1, "Linked to")]}],
        )
        self.sets, self.sites, (self.linked,) = rows["item_sets"], rows["sites"], rows["items"]
        self.vocabulary = self.learn()

    def learn(self) -> Vocabulary:
        """The names of the site, and which data types it has now."""
        vocabulary: Vocabulary = asyncio.run(self._with_adapter(_resolve)).vocabulary
        listed = {one["o:id"] for one in self.request("GET", "data_types")}
        return msgspec.structs.replace(vocabulary, data_types=frozenset(listed))

    def item(self, values: dict[str, list[Any]], **fields: Any) -> int:
        """A new item with a media, in two sets and a site, not public, with class, template and thumbnail."""
        body = {
            "o:is_public": False,
            "o:resource_class": {"o:id": 26},
            "o:resource_template": {"o:id": 1},
            "o:thumbnail": {"o:id": 1},
            "o:item_set": [{"o:id": one} for one in self.sets[:2]],
            "o:site": [{"o:id": self.sites[1]}],
        }
        (number,) = self.omeka.seed([body | values | fields])["items"]
        self.omeka.seed(
            media=[
                {
                    "o:item": {"o:id": number},
                    "o:ingester": "html",
                    "o:alt_text": "kept",
                    "data": {"html": "x"},
                }
            ]
        )
        return number

    def read(self, number: int) -> Saved:
        async def script(adapter: Adapter) -> Saved:
            (saved,) = await adapter.read("item", [number])
            return saved

        return asyncio.run(self._with_adapter(script))

    def current(self, number: int) -> Current:
        return current_of(self.read(number), self.vocabulary)

    def update(self, number: int, payload: bytes) -> Saved:
        async def script(adapter: Adapter) -> Saved:
            (answer,) = await adapter.carry_out(
                [Operation(OperationKey("1"), "update", "item", number, payload)]
            )
            assert isinstance(answer, Done), answer
            assert answer.saved is not None
            return answer.saved

        return asyncio.run(self._with_adapter(script))

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """What another program sends."""
        parts = urlsplit(self.omeka.api)
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        try:
            address = f"{parts.path}/{path}?{urlencode(self.omeka.key)}"
            content = None if body is None else json.dumps(body)
            connection.request(method, address, content, {"Content-Type": "application/json"})
            response = connection.getresponse()
            assert response.status == 200
            return json.loads(response.read())
        finally:
            connection.close()

    async def _with_adapter(self, script: Callable[[Adapter], Awaitable[Any]]) -> Any:
        target = TargetSettings.model_validate(
            {
                "url": self.omeka.url,
                "key_identity": self.omeka.key_identity,
                "key_credential": self.omeka.key_credential,
            }
        )
        adapter = make_adapter("site", target, Limiter("site", target.connections))
        try:
            return await script(adapter)
        finally:
            await adapter.close()


async def _resolve(adapter: Adapter) -> NamesResolver:
    names = NamesUsed(
        terms=used(*TERMS),
        classes=used("dctype:Image", "dctype:Sound"),
        item_sets=used("Set A", "Set B", "Set C"),
        sites=used("main", "other"),
        data_types=used("customvocab:Materials"),
    )
    resolver = await adapter.resolve(names)
    assert isinstance(resolver, NamesResolver)
    return resolver


def used(*names: str) -> tuple[Used, ...]:
    return tuple(Used(name, f"/instructions/{place}") for place, name in enumerate(names))


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with StandIn(modules=MODULES) as omeka:
        yield Site(omeka)


def literal(number: int, text: str, **more: Any) -> dict[str, Any]:
    return {"type": "literal", "property_id": number, "is_public": True, "@value": text} | more


def merged(
    site: Site, draft: Draft, current: Current, base: Base | None = None, how: str = "overwrite"
) -> Merge:
    found = merge(meant_of(draft, {}, site.vocabulary), current, base, how)  # type: ignore[arg-type]
    assert not isinstance(found, Unmergeable), found.message
    return found


def item(*properties: Property, **more: Any) -> Draft:
    return Draft("item", "item", 0, properties=properties, **more)


def texts(term: str, *words: str, **policy: Any) -> Property:
    return Property(term, tuple(Value(text=word) for word in words), **policy)


# --- the law --------------------------------------------------------------------------------------

WORDS = st.sampled_from(["a", "b", "c", "é “x”", "2020"])
LANGUAGES = st.sampled_from(["de", "en"])


def contents(linked: int) -> st.SearchStrategy[dict[str, Any]]:
    """A value as the API takes it, without its property."""
    return st.one_of(
        st.fixed_dictionaries(
            {"type": st.just("literal"), "@value": WORDS}, optional={"@language": LANGUAGES}
        ),
        st.fixed_dictionaries(
            {"type": st.just("uri"), "@id": WORDS.map("http://x/{}".format)},
            optional={"o:label": WORDS, "o:lang": LANGUAGES},
        ),
        st.just({"type": "resource:item", "value_resource_id": linked}),
        st.fixed_dictionaries(
            {"type": st.just("numeric:timestamp"), "@value": st.sampled_from(["2020", "1999-12"])}
        ),
        st.fixed_dictionaries({"type": st.just("numeric:integer"), "@value": st.integers(0, 3)}),
        st.fixed_dictionaries(
            {"type": st.just("customvocab:1"), "@value": st.sampled_from(["oil", "chalk"])}
        ),
    )


@st.composite
def held_values(draw: st.DrawFn, linked: int) -> dict[str, list[Any]]:
    """The values of an item that somebody made: visible or not, annotated or not, of many types."""
    result: dict[str, list[Any]] = {}
    for term, number in NUMBERS.items():
        for content in draw(st.lists(contents(linked), max_size=3)):
            value = content | {"property_id": number, "is_public": draw(st.booleans())}
            if draw(st.integers(0, 3)) == 0:
                note = draw(contents(linked)) | {"property_id": 11, "is_public": True}
                value["@annotation"] = {"dcterms:source": [note]}
            result.setdefault(term, []).append(value)
    return result


maybe = st.sampled_from([None, None, True, False])
annotations = st.sampled_from([None, None, (), (Property("dcterms:subject", (Value(text="a"),)),)])
values = st.one_of(
    st.builds(
        Value, text=WORDS, language=st.one_of(st.none(), LANGUAGES), public=maybe, annotation=annotations
    ),
    st.builds(Value, type=st.just("uri"), uri=WORDS.map("http://x/{}".format), public=maybe),
    st.builds(
        Value, type=st.just("numeric:timestamp"), text=st.sampled_from(["2020", "1999-12"]), public=maybe
    ),
    st.builds(Value, type=st.just("customvocab:Materials"), text=st.sampled_from(["oil", "chalk"])),
)
policies = st.sampled_from(["replace", "replace", "append", "remove", "keep"])
scopes = st.sampled_from(["all", "all", "language", "type", "ours"])
properties = st.lists(
    st.builds(Property, st.sampled_from(TERMS), st.lists(values, max_size=3).map(tuple), policies, scopes),
    max_size=3,
    unique_by=lambda one: one.term,
).map(tuple)
fields = st.one_of(
    st.just(Fields()),
    st.builds(
        Fields,
        public=st.booleans(),
        resource_class=st.sampled_from([None, "dctype:Image", "dctype:Sound"]),
        item_sets=st.lists(st.sampled_from(["Set A", "Set B", "Set C"]), max_size=2).map(tuple),
        on_update=st.fixed_dictionaries({}, optional={"item-set": policies, "class": policies}),
    ),
    st.builds(Fields, sites=st.sampled_from([(), ("main",), ("main", "other")])),
)
identities = st.one_of(st.none(), WORDS.map(lambda text: Identity("scope", ("dcterms:identifier",), (text,))))
item_named = st.just("item")
drafts = st.builds(
    Draft, item_named, item_named, st.just(0), properties=properties, fields=fields, identity=identities
)
KEYS = {
    "public": "o:is_public",
    "resource_class": "o:resource_class",
    "item_sets": "o:item_set",
    "sites": "o:site",
}
FOLLOWING = {"o:modified", "o:title", "@type"}
"""What Omeka derives: from the moment, from values, from the class."""


def named_keys(draft: Draft) -> set[str]:
    names = {one.term for one in draft.properties} | set(draft.identity.by if draft.identity else ())
    return names | {
        key for attribute, key in KEYS.items() if getattr(draft.fields, attribute) is not msgspec.UNSET
    }


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    phases=set(Phase) - {Phase.explain},
)
@given(data=st.data())
def test_any_update_changes_what_the_record_names_and_nothing_else_on_the_site(
    site: Site, data: st.DataObject
) -> None:
    number = site.item(data.draw(held_values(site.linked)))
    draft = data.draw(drafts)
    before = site.omeka.dump()
    current = site.current(number)
    plan = merged(site, draft, current)
    if not plan.changes:
        return
    payload = update_payload(current, plan, site.vocabulary)
    saved = site.update(number, payload)
    after = site.omeka.dump()

    assert update_differences(payload, saved, site.vocabulary) == ()
    mentioned = named_keys(draft) | FOLLOWING
    assert without(before, number, mentioned) == without(after, number, mentioned)
    becomes, meant = current_of(saved, site.vocabulary), outcome(current, plan)
    assert marked(becomes) == marked(meant)
    # The same record again: nothing to send, whether the ledger knows it or not.
    assert merged(site, draft, site.current(number)).changes == ()
    assert merged(site, draft, becomes, Base(becomes, plan.footing, True), "keep").changes == ()


def without(dump: Any, number: int, keys: set[str]) -> Any:
    """The whole state, save for these keys of one item; what is derived from links to a resource aside."""
    items = [
        {
            key: value
            for key, value in one.items()
            if key not in ({*keys, "@reverse"} if one["o:id"] == number else {"@reverse"})
        }
        for one in dump["items"]
    ]
    return dump | {"items": items}


def marked(current: Current) -> dict[str, list[str]]:
    """Every name with content, visibility and annotation of its values, in their order."""
    everything = {**current.properties, **current.fields}
    return {name: [one.mark for one in several] for name, several in everything.items() if several}


# --- one by one -----------------------------------------------------------------------------------


def test_clearing_a_property_is_one_small_request_that_leaves_all_other_rows_alone(site: Site) -> None:
    rows = {
        "dcterms:title": [literal(1, "T", is_public=False)],
        "dcterms:subject": [literal(3, "a"), literal(3, "b")],
    }
    number = site.item(rows)
    current = site.current(number)
    payload = update_payload(
        current, merged(site, item(Property("dcterms:subject")), current), site.vocabulary
    )
    assert payload == b'{"clear_property_values":[3]}'
    saved = site.update(number, payload)
    assert ("dcterms:subject" in saved.body, saved.body["dcterms:title"]) == (
        False,
        current_raw(current, "dcterms:title"),
    )
    assert update_differences(payload, saved, site.vocabulary) == ()


def current_raw(current: Current, term: str) -> list[Any]:
    return [json.loads(value.raw) for value in current.properties[term]]


def test_another_program_s_edits_between_two_imports_survive(site: Site) -> None:
    """It adds a value beside ours, hides one of ours, moves the item to another set, and writes a note."""
    number = site.item({"dcterms:title": [literal(1, "Old")], "dcterms:subject": [literal(3, "ours")]})
    first = item(texts("dcterms:title", "New"), texts("dcterms:subject", "ours", of="ours"))
    current = site.current(number)
    plan = merged(site, first, current, Base(current))
    base = Base(
        current_of(site.update(number, update_payload(current, plan, site.vocabulary)), site.vocabulary),
        plan.footing,
    )
    site.request(
        "PATCH",
        f"items/{number}",
        {
            "o:item_set": [{"o:id": site.sets[2]}],
            "v": [
                literal(1, "New", is_public=False),
                literal(3, "ours"),
                literal(3, "theirs"),
                literal(4, "a note"),
            ],
        },
    )
    second = item(texts("dcterms:title", "Newest"), texts("dcterms:subject", "ours, corrected", of="ours"))
    now = site.current(number)
    plan = merged(site, second, now, base, "keep")
    saved = site.update(number, update_payload(now, plan, site.vocabulary))
    shown = {
        term: [one.shown() for one in several]
        for term, several in current_of(saved, site.vocabulary).properties.items()
    }
    assert shown == {
        "dcterms:title": ["New (private)"],  # they edited it: theirs stands
        "dcterms:subject": ["ours, corrected", "theirs"],
        "dcterms:description": ["a note"],
    }
    assert [one["o:id"] for one in saved.body["o:item_set"]] == [site.sets[2]]  # type: ignore[union-attr, index, call-overload]
    assert [conflict.name for conflict in plan.conflicts] == ["dcterms:title"]


def test_a_value_of_a_type_that_is_not_installed_any_more_is_not_lost() -> None:
    with StandIn(modules=MODULES) as omeka:
        own = Site(omeka)
        stamp = {"type": "numeric:timestamp", "property_id": 7, "is_public": True, "@value": "1920"}
        number = own.item({"dcterms:title": [literal(1, "T")], "dcterms:date": [stamp]})
        known = own.current(number)
        omeka.knobs(modules=["CustomVocab"])
        own.vocabulary = own.learn()
        draft = item(texts("dcterms:title", "New"))
        refused = merge(meant_of(draft, {}, own.vocabulary), own.current(number))
        assert isinstance(refused, Unmergeable)
        assert "numeric:timestamp" in refused.message
        # What would have become of it: the target drops the value without a word.
        careless = update_payload(known, merged(own, draft, known), own.vocabulary)
        assert "dcterms:date" not in own.update(number, careless).body
