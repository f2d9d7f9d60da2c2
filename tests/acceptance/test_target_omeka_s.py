"""The Omeka S adapter against the stand-in, over real HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from service.control.names_used import NamesUsed, Used
from service.settings import TargetSettings
from tests.standins.omeka_s import Knobs, StandIn
from tests.standins.proxy import Fault, FaultProxy
from worker.errors import Fatal, Held, Retriable
from worker.mapping.lookups import CustomVocabulary
from worker.records import Draft, Fields, Identity, Link, MediaSource, Property, Value
from worker.targets.base import (
    Adapter,
    Answer,
    Barred,
    Difference,
    Done,
    LinkTarget,
    Lost,
    NotDone,
    Operation,
    OperationKey,
    Refused,
    Saved,
    SurveySubject,
)
from worker.targets.http import Patience
from worker.targets.limits import Limiter
from worker.targets.registry import make_adapter

QUICK = Patience(attempts=2, first_pause=0.0, longest_pause=0.0, jitter=0.0)
TERMS = ("dcterms:title", "dcterms:identifier", "dcterms:source", "dcterms:relation", "dcterms:description")


@pytest.fixture(scope="module")
def _one() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture
def shared(_one: StandIn) -> Iterator[StandIn]:
    """An Omeka that holds what other tests left there: quick, where that does not matter."""
    _one.reset_requests()
    yield _one
    _one.knobs(**msgspec.structs.asdict(Knobs()))


@pytest.fixture
def omeka() -> Iterator[StandIn]:
    """An empty Omeka."""
    with StandIn() as standin:
        yield standin


def used(*names: str | int) -> tuple[Used, ...]:
    return tuple(Used(name, f"/instructions/{place}/name") for place, name in enumerate(names))


NAMES = NamesUsed(terms=used(*TERMS))


def settings(omeka: StandIn, **more: Any) -> TargetSettings:
    given = {"url": omeka.url, "key_identity": omeka.key_identity, "key_credential": omeka.key_credential}
    return TargetSettings.model_validate(given | more)


def on(target: TargetSettings, script: Callable[[Adapter], Awaitable[None]]) -> None:
    """Run a script with an adapter of its own."""

    async def run() -> None:
        adapter = make_adapter("tate", target, Limiter("tate", target.connections), QUICK)
        try:
            await script(adapter)
        finally:
            await adapter.close()

    asyncio.run(asyncio.wait_for(run(), 60))


async def create(adapter: Adapter, draft: Draft, *inline: Draft, **more: Any) -> Answer:
    payload = adapter.create_payload(draft, inline, more.get("links", {}), more.get("item_id"))
    return await send(adapter, Operation(OperationKey("1"), "create", draft.kind, None, payload))


async def count(adapter: Adapter) -> int:
    return len(await adapter.listing("item"))


async def send(adapter: Adapter, operation: Operation) -> Answer:
    (answer,) = await adapter.carry_out([operation])
    return answer


def saved(answer: Answer) -> Saved:
    assert isinstance(answer, Done), answer
    assert answer.saved is not None
    return answer.saved


def artwork(number: str, **fields: Any) -> Draft:
    return Draft(
        "item",
        "item",
        0,
        identity=Identity("tate", ("dcterms:identifier",), (number,)),
        properties=(Property("dcterms:title", (Value(text=f"Artwork {number}"),)),),
        fields=Fields(**fields),
    )


def seeded(number: int) -> list[dict[str, Any]]:
    return [
        {
            "dcterms:title": [{"type": "literal", "property_id": 1, "@value": f"Seed {one}"}],
            "dcterms:identifier": [{"type": "literal", "property_id": 10, "@value": f"S-{one}"}],
        }
        for one in range(number)
    ]


# --- preflight ------------------------------------------------------------------------------------


def test_address_and_key_are_proven_with_one_request(shared: StandIn) -> None:
    async def script(adapter: Adapter) -> None:
        facts = await adapter.prove()
        assert (facts.address, facts.version) == (shared.url, "4.2.0")
        assert adapter.requests == 1

    on(settings(shared), script)
    on(settings(shared, url=shared.api), script)


def test_the_owner_of_a_key_is_told_where_there_is_one_user_only(omeka: StandIn) -> None:
    async def owner(adapter: Adapter) -> None:
        assert (await adapter.prove()).user == "Admin"

    async def nobody(adapter: Adapter) -> None:
        assert (await adapter.prove()).user == ""

    on(settings(omeka), owner)
    author = omeka.add_user("author")
    on(settings(omeka, key_identity=author.identity, key_credential=author.credential), nobody)


def test_a_wrong_key_is_found_although_omeka_answers_reads(shared: StandIn) -> None:
    inactive = shared.add_user("editor", active=False)
    wrong: list[dict[str, str]] = [
        {"key_credential": "wrong"},
        {"key_identity": "", "key_credential": ""},
        {"key_identity": inactive.identity, "key_credential": inactive.credential},
    ]

    async def script(adapter: Adapter) -> None:
        with pytest.raises(Fatal) as error:
            await adapter.prove()
        assert error.value.code == "target-key-refused"
        assert "“tate”" in error.value.message
        assert adapter.requests == 1

    for keys in wrong:
        on(settings(shared, **keys), script)


def test_an_address_without_omeka_is_said_to_be_none(shared: StandIn) -> None:
    async def script(adapter: Adapter) -> None:
        with pytest.raises(Fatal) as error:
            await adapter.prove()
        assert error.value.code == "target-not-omeka"

    on(settings(shared, url=f"{shared.url}/elsewhere"), script)


@pytest.mark.parametrize(
    ("knob", "code"),
    [
        ("database_down", "target-down"),
        ("maintenance", "target-down"),
        ("fpm_down", "target-bad-gateway"),
    ],
)
def test_an_outage_is_no_verdict_on_address_or_key(shared: StandIn, knob: str, code: str) -> None:
    shared.knobs(**{knob: True})

    async def script(adapter: Adapter) -> None:
        with pytest.raises(Retriable) as error:
            await adapter.prove()
        assert error.value.code == code
        assert adapter.requests == QUICK.attempts

    on(settings(shared), script)


def test_a_target_that_is_not_there_is_an_outage() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        target = TargetSettings(url=f"http://127.0.0.1:{free.getsockname()[1]}")

        async def script(adapter: Adapter) -> None:
            with pytest.raises(Retriable) as error:
                await adapter.prove()
            assert error.value.code == "target-unreachable"

        on(target, script)


# --- names ----------------------------------------------------------------------------------------


def test_only_what_is_named_is_listed(shared: StandIn) -> None:
    async def script(adapter: Adapter) -> None:
        await adapter.resolve(NAMES)

    on(settings(shared), script)
    assert shared.requests()["counts"] == {"GET /api/properties": 1}


def test_everything_named_is_listed_in_one_request_each(omeka: StandIn) -> None:
    omeka.seed(
        item_sets=[{"dcterms:title": [{"type": "literal", "property_id": 1, "@value": "Tate"}]}],
        sites=[{"o:slug": "main", "o:title": "Main"}],
        resource_templates=[{"o:label": "Artwork"}],
    )
    names = NamesUsed(
        terms=used(*TERMS, "bibo:isbn"),
        classes=used("dctype:Image"),
        templates=used("Artwork"),
        item_sets=used("Tate"),
        sites=used("main"),
        users=used("admin@example.org"),
    )

    async def script(adapter: Adapter) -> None:
        resolver = await adapter.resolve(names)
        draft = artwork("1", item_sets=("Tate",), sites=("main",), resource_class="dctype:Image")
        assert resolver.problems(draft) == ()

    on(settings(omeka), script)
    assert omeka.requests()["counts"] == {
        "GET /api/properties": 2,
        "GET /api/resource_classes": 1,
        "GET /api/resource_templates": 1,
        "GET /api/item_sets": 1,
        "GET /api/sites": 1,
        "GET /api/users": 1,
    }


def test_unknown_names_come_all_at_once_with_the_nearest_right_word(omeka: StandIn) -> None:
    omeka.seed(
        item_sets=[{"dcterms:title": [{"type": "literal", "property_id": 1, "@value": "Tate Britain"}]}]
    )
    names = NamesUsed(
        terms=used("dcterms:title", "dcterms:titel", "ex:shelf"),
        classes=used("dctype:Imag"),
        item_sets=used("Tate Britan", 99),
        users=used("someone@museum.net"),
        data_types=used("customvocab:Materials"),
        elements=used("Item Type Metadata:Text"),
    )

    async def script(adapter: Adapter) -> None:
        with pytest.raises(Fatal) as error:
            await adapter.resolve(names)
        assert error.value.code == "names-unknown"
        assert error.value.message.split("\n") == [
            "/instructions/1/name: There is no property “dcterms:titel” in this Omeka. "
            "Did you mean “dcterms:title”?",
            "/instructions/2/name: There is no property “ex:shelf” in this Omeka. "
            "There is no vocabulary “ex”, only dcterms, dctype, bibo, foaf.",
            "/instructions/0/name: Omeka S has no elements: give a term such as dcterms:title instead of "
            "“Item Type Metadata:Text”.",
            "/instructions/0/name: There is no class “dctype:Imag” in this Omeka. "
            "Did you mean “dctype:Image”?",
            "/instructions/0/name: There is no item set “Tate Britan” in this Omeka. "
            "Did you mean “Tate Britain”?",
            "/instructions/1/name: There is no item set “99” in this Omeka.",
            "/instructions/0/name: There is no owner “someone@museum.net” in this Omeka.",
            "/instructions/0/name: This Omeka has no module Custom Vocab.",
        ]

    on(settings(omeka), script)


def test_names_from_data_are_judged_draft_by_draft(omeka: StandIn) -> None:
    omeka.seed(item_sets=[{"dcterms:title": [{"type": "literal", "property_id": 1, "@value": "Tate"}]}])
    names = NamesUsed(terms=used(*TERMS), from_data=frozenset({"item_sets"}))

    async def script(adapter: Adapter) -> None:
        resolver = await adapter.resolve(names)
        known, unknown = artwork("1", item_sets=("Tate",)), artwork("2", item_sets=("Tait",))
        assert resolver.problems(known) == ()
        (problem,) = resolver.problems(unknown)
        assert (problem.severity, problem.code, problem.value) == ("reject", "names-unknown", "Tait")

    on(settings(omeka), script)


def test_a_listing_longer_than_a_page_is_read_whole(omeka: StandIn) -> None:
    omeka.seed(sites=[{"o:slug": f"s{one}", "o:title": f"Site {one}"} for one in range(1005)])

    async def script(adapter: Adapter) -> None:
        resolver = await adapter.resolve(NamesUsed(sites=used("s0", "s1004", 1005)))
        assert resolver.problems(Draft("item", "item", 0, fields=Fields(sites=("s999",)))) == ()

    on(settings(omeka), script)


def test_custom_vocabularies_resolve_by_label(omeka: StandIn) -> None:
    omeka.knobs(modules=["CustomVocab"])
    omeka.seed(custom_vocabs=[{"o:label": "Materials", "o:terms": ["oil", "chalk"]}])
    names = NamesUsed(terms=used(*TERMS), data_types=used("customvocab:Materials"))

    async def script(adapter: Adapter) -> None:
        resolver = await adapter.resolve(names)
        assert resolver.custom_vocabulary("Materials") == CustomVocabulary(
            "Materials", "literal", frozenset({"oil", "chalk"})
        )
        value = Value(type="customvocab:Materials", text="oil")
        draft = Draft("item", "item", 0, properties=(Property("dcterms:source", (value,)),))
        answer = saved(await create(adapter, draft))
        assert adapter.differences(adapter.create_payload(draft, (), {}, None), answer) == ()

    on(settings(omeka), script)


# --- writing --------------------------------------------------------------------------------------


def test_an_item_with_media_is_one_request_and_arrives_as_meant(shared: StandIn) -> None:
    draft = Draft(
        "item",
        "item",
        0,
        identity=Identity("tate", ("dcterms:identifier",), ("A-1",)),
        properties=(
            Property(
                "dcterms:title", (Value(text="  A 🎉\n"), Value(text="Geheim", language="de", public=False))
            ),
            Property("dcterms:source", (Value(type="uri", uri="http://t/", label="Tate", language="en"),)),
            Property(
                "dcterms:description",
                (Value(text="d", annotation=(Property("dcterms:source", (Value(text="card"),)),)),),
            ),
        ),
        fields=Fields(public=True),
    )
    media = Draft(
        "media", "media", 1, item=0, source=MediaSource("html", "<p>x</p>"), fields=Fields(public=True)
    )

    async def script(adapter: Adapter) -> None:
        await adapter.resolve(NAMES)
        before = adapter.requests
        payload = adapter.create_payload(draft, [media], {}, None)
        one = saved(await send(adapter, Operation(OperationKey("1"), "create", "item", None, payload)))
        assert adapter.requests - before == 1
        assert adapter.differences(payload, one) == ()
        assert (one.kind, one.public, len(one.media_ids)) == ("item", True, 1)
        assert adapter.bears(one, Identity("tate", ("dcterms:identifier",), ("A-1",)))
        assert adapter.identities(one, ("dcterms:identifier",)) == (("A-1",),)
        assert adapter.link("item", one.id) == f"{shared.url}/admin/item/{one.id}"
        assert list(await adapter.read("item", [one.id])) == [one]
        assert adapter.saved(msgspec.json.encode(one.body), "item") == one
        assert (await adapter.listing("item"))[one.id] == one.modified

    on(settings(shared), script)


def test_what_is_unsaid_stays_out_of_public_and_out_of_sites(omeka: StandIn) -> None:
    omeka.seed(sites=[{"o:slug": "main", "o:title": "Main", "o:assign_new_items": True}])

    async def script(adapter: Adapter) -> None:
        await adapter.resolve(NAMES)
        one = saved(await create(adapter, artwork("1")))
        assert (one.public, one.body["o:site"]) == (False, [])

    on(settings(omeka), script)


def test_links_and_item_sets_are_written_by_number(omeka: StandIn) -> None:
    other = Identity("tate", ("dcterms:identifier",), ("A-1",))
    link = Link("item", other.scope, other.by, other.values)

    async def script(adapter: Adapter) -> None:
        await adapter.resolve(NAMES)
        new_set = Draft(
            "item-set", "item-set", 0, properties=(Property("dcterms:title", (Value(text="S"),)),)
        )
        item_set = saved(await create(adapter, new_set))
        assert item_set.kind == "item-set"
        first = saved(await create(adapter, artwork("A-1")))
        await adapter.resolve(NamesUsed(terms=used(*TERMS), item_sets=used("S")))
        draft = Draft(
            "item",
            "item",
            0,
            properties=(Property("dcterms:relation", (Value(type="resource", link=link),)),),
            fields=Fields(item_sets=("S",)),
        )
        payload = adapter.create_payload(draft, (), {link.sought: LinkTarget("item", first.id)}, None)
        second = saved(await send(adapter, Operation(OperationKey("2"), "create", "item", None, payload)))
        assert adapter.differences(payload, second) == ()

    on(settings(omeka), script)


def test_a_media_sent_alone_belongs_to_its_item_and_purified_html_is_told(shared: StandIn) -> None:
    media = Draft("media", "media", 0, source=MediaSource("html", "<p>a<script>x</script></p>"))

    async def script(adapter: Adapter) -> None:
        await adapter.resolve(NAMES)
        item = saved(await create(adapter, artwork("1")))
        payload = adapter.create_payload(media, (), {}, item.id)
        one = saved(await send(adapter, Operation(OperationKey("2"), "create", "media", None, payload)))
        assert adapter.differences(payload, one) == (
            Difference("html", "<p>a<script>x</script></p>", "<p>a</p>"),
        )
        assert adapter.same_as(payload, one)

    on(settings(shared), script)


def test_the_target_is_not_told_to_fetch_addresses_unless_it_may(shared: StandIn) -> None:
    """But for a file at an address: this service fetches it by itself then (`test_fetched_media`)."""
    media = Draft("media", "media", 0, source=MediaSource("url", f"{shared.url}/nothing.jpg"))
    shown = Draft("media", "media", 0, source=MediaSource("iiif", f"{shared.url}/info.json"))

    async def refused(adapter: Adapter) -> None:
        resolver = await adapter.resolve(NAMES)
        assert [problem.code for problem in resolver.problems(shown)] == ["ingest-off"]

    async def allowed(adapter: Adapter) -> None:
        resolver = await adapter.resolve(NAMES)
        assert resolver.problems(media) == ()
        item = saved(await create(adapter, artwork("1")))
        answer = await create(adapter, media, item_id=item.id)
        assert isinstance(answer, Refused)
        assert answer.code == "target-ingest-failed"

    on(settings(shared), refused)
    on(settings(shared, allow_url_ingest=True), allowed)


def test_what_omeka_refuses_is_refused_with_its_reason(shared: StandIn) -> None:
    async def script(adapter: Adapter) -> None:
        before = await count(adapter)
        for payload, code in (
            (b'{"o:item_set": 5}', "target-validation"),
            (b'{"o:item_set": [{"o:id": 999}]}', "target-unknown-reference"),
            (b'{"dcterms:title": [', "target-refused-request"),
            (
                b'{"dcterms:title": [{"type": "literal", "property_id": 999999, "@value": "x"}]}',
                "target-database-refused",
            ),
        ):
            answer = await send(adapter, Operation(OperationKey("1"), "create", "item", None, payload))
            assert isinstance(answer, Refused), answer
            assert answer.code == code
        assert await count(adapter) == before

    on(settings(shared), script)
    assert shared.requests()["counts"] == {"POST /api/items": 4, "GET /api/items": 2}


def test_a_resource_is_updated_and_deleted_by_its_number(shared: StandIn) -> None:
    async def script(adapter: Adapter) -> None:
        await adapter.resolve(NAMES)
        one = saved(await create(adapter, artwork("1")))
        update = Operation(OperationKey("2"), "update", "item", one.id, b'{"o:is_public": true}')
        assert saved(await send(adapter, update)).public
        delete = Operation(OperationKey("3"), "delete", "item", one.id, b"")
        assert await send(adapter, delete) == Done(None)
        again = await send(adapter, delete)
        # Which of the two deleted it no answer tells: that it is gone is what matters.
        assert isinstance(again, Lost)
        assert (again.code, again.look_once) == ("target-gone", True)
        assert list(await adapter.read("item", [one.id])) == []
        with pytest.raises(ValueError, match="needs the number"):
            await send(adapter, Operation(OperationKey("4"), "update", "item", None, b"{}"))

    on(settings(shared), script)


def test_an_item_set_that_is_gone_although_its_delete_answered_500_is_lost(shared: StandIn) -> None:
    ids = shared.seed(item_sets=[{"dcterms:title": [{"type": "literal", "property_id": 1, "@value": "S"}]}])

    async def script(adapter: Adapter) -> None:
        (number,) = ids["item_sets"]
        answer = await send(adapter, Operation(OperationKey("1"), "delete", "item-set", number, b""))
        assert isinstance(answer, Lost)
        assert answer.code == "target-failed"
        assert list(await adapter.read("item-set", [number])) == []

    on(settings(shared), script)


def test_an_author_may_not_change_what_is_not_theirs(shared: StandIn) -> None:
    author = shared.add_user("author")
    (number,) = shared.seed(seeded(1))["items"]

    async def script(adapter: Adapter) -> None:
        answer = await send(
            adapter, Operation(OperationKey("1"), "update", "item", number, b'{"o:is_public": true}')
        )
        assert isinstance(answer, Refused)
        assert answer.code == "not-allowed"

    on(settings(shared, key_identity=author.identity, key_credential=author.credential), script)


def test_a_key_that_was_revoked_meanwhile_is_told_apart(shared: StandIn) -> None:
    async def script(adapter: Adapter) -> None:
        answer = await send(adapter, Operation(OperationKey("1"), "create", "item", None, b"{}"))
        assert isinstance(answer, Barred)
        assert answer.code == "target-key-refused"

    on(settings(shared, key_credential="revoked"), script)


@pytest.mark.parametrize("knob", ["database_down", "maintenance"])
def test_a_write_to_a_target_that_is_down_is_known_not_to_be_done(shared: StandIn, knob: str) -> None:
    async def script(adapter: Adapter) -> None:
        await adapter.resolve(NAMES)
        before = await count(adapter)
        shared.knobs(**{knob: True})
        answer = await create(adapter, artwork("1"))
        assert isinstance(answer, NotDone)
        assert (answer.code, answer.outage) == ("target-down", True)
        shared.knobs(**{knob: False})
        assert await count(adapter) == before

    on(settings(shared), script)


def test_a_write_without_an_answer_is_lost_and_was_sent_once(omeka: StandIn) -> None:
    async def script(adapter: Adapter) -> None:
        await adapter.resolve(NAMES)
        omeka.knobs(delay_ms=1500)
        answer = await create(adapter, artwork("1"))
        assert isinstance(answer, Lost)
        assert answer.code == "target-timeout"

    on(settings(omeka, timeout=1.0), script)
    omeka.knobs(delay_ms=0)

    async def look(adapter: Adapter) -> None:
        await adapter.resolve(NAMES)
        found = [
            one
            async for page in adapter.survey(SurveySubject("item", ("dcterms:identifier",)), 1)
            for one in page.resources
        ]
        while not found:  # a request whose client went away is still carried out
            await asyncio.sleep(0.1)
            found = [
                one
                async for page in adapter.survey(SurveySubject("item", ("dcterms:identifier",)), 1)
                for one in page.resources
            ]
        assert [one.identities for one in found] == [(("1",),)]

    on(settings(omeka), look)


def test_no_message_of_a_failure_holds_the_key(shared: StandIn) -> None:
    messages = []

    async def script(adapter: Adapter) -> None:
        answer = await send(adapter, Operation(OperationKey("1"), "create", "item", None, b"{}"))
        assert isinstance(answer, NotDone | Lost)
        messages.append(answer.message)
        # After a few failures in a row nothing leaves any more, for the same reason.
        with pytest.raises((Retriable, Held)) as error:
            await adapter.listing("item")
        messages.append(error.value.message)

    for knobs in ({"database_down": True}, {"database_down": False, "fpm_down": True}):
        shared.knobs(**knobs)
        on(settings(shared), script)
    assert len(messages) == 4
    assert len(set(messages)) >= 2
    assert not any(shared.key_identity in text or shared.key_credential in text for text in messages)


DONE_OR_NOT = [
    # fault, what the executor is told, items in Omeka afterwards
    (Fault("drop_before", method="POST"), Lost, 0),
    (Fault("answer_lost", method="POST"), Lost, 1),
    (Fault("cut_body", method="POST"), Lost, 1),
    (Fault("act_then_500", method="POST"), Lost, 1),
    (Fault("act_then_500", method="POST", status=502), Lost, 1),
    (Fault("act_then_500", method="POST", status=503), Lost, 1),
    (Fault("answer", method="POST", status=200), Lost, 0),
    (Fault("answer", method="POST", status=502), Lost, 0),
    (Fault("answer", method="POST", status=429, headers={"Retry-After": "9"}), NotDone, 0),
    (Fault("answer", method="POST", status=503, headers={"Retry-After": "9"}), NotDone, 0),
    (Fault("answer", method="POST", status=302, headers={"Location": "/install"}, body=b""), NotDone, 0),
    (Fault("answer", method="POST", status=302, headers={"Location": "/maintenance"}, body=b""), NotDone, 0),
    (Fault("answer", method="POST", status=302, headers={"Location": "/elsewhere"}, body=b""), Lost, 0),
]


@pytest.mark.parametrize(("fault", "told", "items"), DONE_OR_NOT)
def test_a_write_that_met_a_fault_is_called_undone_only_when_it_is(
    shared: StandIn, fault: Fault, told: type[Answer], items: int
) -> None:
    async def script(adapter: Adapter) -> None:
        await adapter.resolve(NAMES)
        answer = await create(adapter, artwork("1"))
        assert isinstance(answer, told), answer
        if isinstance(answer, NotDone) and answer.retry_after is not None:
            assert answer.retry_after == 9.0

    before = len(shared.dump()["items"])
    with FaultProxy(shared.url) as proxy:
        proxy.add(replace(fault))
        on(settings(shared, url=proxy.url), script)
        assert len(shared.dump()["items"]) - before == items
        assert [entry.method for entry in proxy.log].count("POST") == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault("drop_before"),
        Fault("answer_lost"),
        Fault("cut_body"),
        Fault("answer", status=500),
        Fault("answer", status=200),
        Fault("answer", status=302, headers={"Location": "/install"}, body=b""),
        Fault("answer", status=429, headers={"Retry-After": "0"}),
    ],
)
def test_a_read_outlives_one_fault(shared: StandIn, fault: Fault) -> None:
    numbers = shared.seed(seeded(3))["items"]

    async def script(adapter: Adapter) -> None:
        assert set(await adapter.listing("item")) >= set(numbers)
        assert adapter.requests == 2

    with FaultProxy(shared.url) as proxy:
        proxy.add(replace(fault))
        on(settings(shared, url=proxy.url), script)


# --- reading --------------------------------------------------------------------------------------


def test_listings_are_whole_whatever_the_page_size(omeka: StandIn) -> None:
    numbers = omeka.seed(seeded(1200))["items"]

    async def script(adapter: Adapter) -> None:
        listing = await adapter.listing("item")
        assert sorted(listing) == sorted(numbers)
        assert all(len(stamp) == 19 for stamp in listing.values())
        assert await adapter.highest_id("item") == max(numbers)
        assert await adapter.ids_above("item", 0) == sorted(numbers)
        assert await adapter.ids_above("item", numbers[-3]) == sorted(numbers)[-2:]
        assert await adapter.ids_above("item", max(numbers)) == []
        assert (await adapter.listing("media"), await adapter.highest_id("media")) == ({}, 0)

    on(settings(omeka), script)


def test_a_listing_is_one_request(omeka: StandIn) -> None:
    omeka.seed(seeded(600))

    async def script(adapter: Adapter) -> None:
        await adapter.listing("item")
        assert adapter.requests == 1

    on(settings(omeka), script)


def test_resources_are_read_a_hundred_a_request_private_ones_included(omeka: StandIn) -> None:
    items = [item | {"o:is_public": False} for item in seeded(250)]
    numbers = omeka.seed(items)["items"]

    async def script(adapter: Adapter) -> None:
        asked = [*reversed(numbers), 10**9, numbers[0]]
        found = await adapter.read("item", asked)
        assert [one.id for one in found] == list(reversed(numbers))
        assert not any(one.public for one in found)
        assert adapter.requests == 3
        assert list(await adapter.read("item", [])) == []
        assert adapter.requests == 3  # an empty list of numbers would return everything

    on(settings(omeka), script)


def test_seven_digit_numbers_do_not_overflow_the_header_buffer(omeka: StandIn) -> None:
    omeka.seed(next_ids={"resources": 12_345_678})
    numbers = omeka.seed(seeded(100))["items"]

    async def script(adapter: Adapter) -> None:
        assert [one.id for one in await adapter.read("item", numbers)] == numbers

    on(settings(omeka), script)


def test_a_survey_meets_everything_that_bears_the_property(omeka: StandIn) -> None:
    numbers = omeka.seed(seeded(250))["items"]
    omeka.seed([{"dcterms:title": [{"type": "literal", "property_id": 1, "@value": "no identifier"}]}])

    async def script(adapter: Adapter) -> None:
        await adapter.resolve(NAMES)
        before = adapter.requests
        pages = [page async for page in adapter.survey(SurveySubject("item", ("dcterms:identifier",)), 1)]
        assert adapter.requests - before == 3
        assert [(len(page.resources), page.total, page.last) for page in pages] == [
            (100, 250, False),
            (100, 250, False),
            (50, 250, True),
        ]
        met = [one for page in pages for one in page.resources]
        assert [one.saved.id for one in met] == numbers
        assert [one.identities for one in met] == [((f"S-{place}",),) for place in range(250)]
        resumed = [
            one.saved.id
            async for page in adapter.survey(SurveySubject("item", ("dcterms:identifier",)), 3)
            for one in page.resources
        ]
        assert resumed == numbers[200:]

    on(settings(omeka), script)


def test_a_survey_of_nothing_is_one_empty_page(omeka: StandIn) -> None:
    async def script(adapter: Adapter) -> None:
        await adapter.resolve(NAMES)
        pages = [page async for page in adapter.survey(SurveySubject("item", ("dcterms:identifier",)), 1)]
        assert [(page.resources, page.total, page.last) for page in pages] == [((), 0, True)]

    on(settings(omeka), script)


def test_a_survey_misses_nothing_when_resources_are_deleted_meanwhile(omeka: StandIn) -> None:
    numbers = omeka.seed(seeded(350))["items"]

    async def script(adapter: Adapter) -> None:
        await adapter.resolve(NAMES)
        met: list[int] = []
        async for page in adapter.survey(SurveySubject("item", ("dcterms:identifier",)), 1):
            met += [one.saved.id for one in page.resources]
            if len(met) == 100:
                for number in numbers[:120:2]:
                    await send(adapter, Operation(OperationKey("d"), "delete", "item", number, b""))
        assert len(met) == len(set(met))
        assert set(met) >= set(numbers[100:]) - set(numbers[:120:2])

    on(settings(omeka, connections=1), script)


def test_a_survey_by_a_term_that_was_not_resolved_is_refused(shared: StandIn) -> None:
    async def script(adapter: Adapter) -> None:
        await adapter.resolve(NAMES)
        with pytest.raises(Fatal) as error:
            adapter.survey(SurveySubject("item", ("dcterms:nosuch",)), 1)
        assert error.value.code == "names-unknown"

    on(settings(shared), script)


def test_one_operation_at_a_time(shared: StandIn) -> None:
    async def script(adapter: Adapter) -> None:
        assert adapter.group_size == 1
        operation = Operation(OperationKey("1"), "create", "item", None, b"{}")
        with pytest.raises(ValueError, match="1 operation"):
            await adapter.carry_out([operation, operation])
        assert list(await adapter.carry_out([])) == []

    on(settings(shared), script)
