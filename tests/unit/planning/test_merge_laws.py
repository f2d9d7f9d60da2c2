"""What holds for every record, every resource and every edit in between."""

from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from worker.planning.changes import Change
from worker.planning.merge import Merge, Unmergeable, merge, outcome
from worker.planning.values import Base, Content, Current, Held, IdentityWish, Meant, Named, Wish

# To explain a failure is slow with so large values: the shrunken example says enough.
LAW = settings(max_examples=150, deadline=None, phases=set(Phase) - {Phase.explain})
WORDS = st.sampled_from(["a", "b", "c", "d"])
LANGUAGES = st.sampled_from([None, "de"])
TERMS = ["dcterms:title", "dcterms:subject", "dcterms:identifier"]

contents = st.one_of(
    st.builds(Content, st.just("literal"), text=WORDS, language=LANGUAGES),
    st.builds(
        Content, st.just("uri"), uri=WORDS.map("http://x/{}".format), label=st.sampled_from([None, "x"])
    ),
    st.builds(Content, st.just("resource"), resource=st.integers(1, 3)),
)
notes = st.lists(st.builds(Held, contents, st.booleans()), min_size=1, max_size=2).map(
    lambda values: (("dcterms:source", tuple(values)),)
)
helds = st.builds(
    Held, contents, st.booleans(), st.one_of(st.just(()), notes), st.binary(min_size=1, max_size=4)
)
wished_notes = st.lists(
    st.builds(Wish, contents, st.sampled_from([None, True, False])), min_size=1, max_size=2
).map(lambda values: (("dcterms:source", tuple(values)),))
wishes = st.builds(
    Wish,
    contents,
    st.sampled_from([None, None, True, False]),
    st.one_of(st.none(), st.none(), st.just(()), wished_notes),
)
on_updates = st.sampled_from(["replace", "replace", "append", "remove", "keep"])
ofs = st.sampled_from(["all", "language", "type", "ours"])
conflict_policies = st.sampled_from(["overwrite", "keep"])


def field_values(most: int) -> st.SearchStrategy[tuple[Held, ...]]:
    values = st.builds(Held, st.builds(Content, st.just("field"), text=st.sampled_from("123")))
    return st.lists(values, max_size=most, unique_by=lambda one: one.content).map(tuple)


def field_names(name: str, most: int) -> st.SearchStrategy[Named]:
    chosen = field_values(most).map(lambda values: tuple(Wish(one.content) for one in values))
    return st.builds(Named, st.just(name), chosen, on_updates, st.sampled_from(["all", "ours"]))


currents = st.builds(
    Current,
    st.just("item"),
    st.just(1),
    st.just(""),
    st.dictionaries(st.sampled_from(TERMS), st.lists(helds, min_size=1, max_size=4).map(tuple)),
    st.fixed_dictionaries({"class": field_values(1), "item-set": field_values(3)}),
)
named = st.lists(
    st.builds(Named, st.sampled_from(TERMS), st.lists(wishes, max_size=4).map(tuple), on_updates, ofs),
    unique_by=lambda one: one.name,
    max_size=3,
).map(tuple)
identities = st.one_of(
    st.just(()),
    WORDS.map(lambda text: (IdentityWish(TERMS[2], text, Wish(Content("literal", text))),)),
)
fields = st.tuples(
    st.lists(field_names("class", 1), max_size=1), st.lists(field_names("item-set", 3), max_size=1)
).map(lambda pair: (*pair[0], *pair[1]))
meants = st.builds(Meant, named, fields, identities)
bases = st.one_of(st.none(), st.builds(Base, currents, same_draft=st.just(False)))


def done(merged: Merge | Unmergeable) -> Merge:
    assert isinstance(merged, Merge)
    return merged


def all_of(current: Current) -> dict[str, tuple[Held, ...]]:
    return {**current.properties, **current.fields}


def names_of(meant: Meant) -> set[str]:
    return {one.name for one in (*meant.properties, *meant.fields)} | {one.term for one in meant.identity}


def full(values: tuple[Held, ...]) -> Counter[str]:
    return Counter(one.mark for one in values)


def contents_of(values: tuple[Held, ...]) -> Counter[Content]:
    return Counter(one.content for one in values)


@LAW
@given(meants, currents, bases, conflict_policies)
def test_merging_the_outcome_again_changes_nothing(
    meant: Meant, current: Current, base: Base | None, policy: str
) -> None:
    becomes = outcome(current, done(merge(meant, current, base, policy)))
    assert done(merge(meant, becomes, base, policy)).changes == ()


@LAW
@given(meants, currents, bases, conflict_policies)
def test_merging_again_after_the_write_changes_nothing(
    meant: Meant, current: Current, base: Base | None, policy: str
) -> None:
    """With the ledger as it is after the write: its base is what was saved."""
    merged = done(merge(meant, current, base, policy))
    becomes = outcome(current, merged)
    for same_draft in (True, False):
        again = done(merge(meant, becomes, Base(becomes, merged.footing, same_draft), policy))
        assert again.changes == ()
        assert again.footing.foreign == merged.footing.foreign
        assert again.footing.added == merged.footing.added
        assert again.footing.removed.items() <= merged.footing.removed.items()


@LAW
@given(meants, currents, bases, conflict_policies)
def test_names_that_are_not_mentioned_stay_to_the_byte(
    meant: Meant, current: Current, base: Base | None, policy: str
) -> None:
    becomes = all_of(outcome(current, done(merge(meant, current, base, policy))))
    before = all_of(current)
    for name in before.keys() | becomes.keys():
        if name not in names_of(meant):
            assert becomes[name] == before[name]


@LAW
@given(meants, currents, bases, conflict_policies)
def test_append_and_keep_lose_nothing_and_remove_only_removes(
    meant: Meant, current: Current, base: Base | None, policy: str
) -> None:
    before, becomes = all_of(current), all_of(outcome(current, done(merge(meant, current, base, policy))))
    borne = {one.term: one.wish.content for one in meant.identity}
    for one in (*meant.properties, *meant.fields):
        old, new = contents_of(before.get(one.name, ())), contents_of(becomes.get(one.name, ()))
        match one.on_update:
            case "append" | "keep":
                assert old <= new
            case "remove":
                identity = Counter([borne[one.name]]) if one.name in borne else Counter()
                assert new <= old + identity
            case _ if one.name in borne:
                assert old <= new


@LAW
@given(meants, currents, bases, conflict_policies)
def test_the_resource_bears_its_identity_afterwards(
    meant: Meant, current: Current, base: Base | None, policy: str
) -> None:
    becomes = outcome(current, done(merge(meant, current, base, policy)))
    for one in meant.identity:
        assert any(held.content.bears(one.identifier) for held in becomes.properties[one.term])


@LAW
@given(meants, currents, bases)
def test_a_plain_replace_makes_the_name_what_the_record_means(
    meant: Meant, current: Current, base: Base | None
) -> None:
    becomes = all_of(outcome(current, done(merge(meant, current, base))))
    borne = {one.term for one in meant.identity}
    for one in (*meant.properties, *meant.fields):
        if (one.on_update, one.of) == ("replace", "all") and one.name not in borne:
            assert contents_of(becomes.get(one.name, ())) == Counter(wish.content for wish in one.wishes)


@LAW
@given(currents, currents, meants)
def test_edits_that_are_kept_survive(saved: Current, current: Current, meant: Meant) -> None:
    """Whatever somebody added since our last write is there afterwards; what they removed stays away."""
    becomes = all_of(outcome(current, done(merge(meant, current, Base(saved), "keep"))))
    borne = {one.term: one.wish.content for one in meant.identity}
    for name, present in all_of(current).items():
        base, now, then = (contents_of(all_of(one).get(name, ())) for one in (saved, current, saved))
        new = contents_of(becomes.get(name, ()))
        assert now - base <= new
        assert not {one for one in (then - now) & (new - now) if one != borne.get(name)}
        edited = full(present) - full(all_of(saved).get(name, ()))
        assert edited <= full(becomes.get(name, ()))


@LAW
@given(meants, currents, bases, st.randoms(use_true_random=False))
def test_the_order_of_values_decides_nothing(
    meant: Meant, current: Current, base: Base | None, random: object
) -> None:
    shuffled = {}
    for name, values in current.properties.items():
        order = list(values)
        random.shuffle(order)  # type: ignore[attr-defined]
        shuffled[name] = tuple(order)
    other = msgspec.structs.replace(current, properties=shuffled)
    first, second = (done(merge(meant, one, base)) for one in (current, other))
    assert {one.name for one in first.changes} == {one.name for one in second.changes}
    before, after = outcome(current, first), outcome(other, second)
    for name, values in before.properties.items():
        assert contents_of(after.properties[name]) == contents_of(values)


@LAW
@given(meants, currents, bases, conflict_policies)
def test_a_change_tells_exactly_what_differs(
    meant: Meant, current: Current, base: Base | None, policy: str
) -> None:
    merged = done(merge(meant, current, base, policy))
    becomes = all_of(outcome(current, merged))
    before = all_of(current)
    differing = {
        name
        for name in before.keys() | becomes.keys()
        if full(before.get(name, ())) != full(becomes.get(name, ()))
    }
    assert {one.name for one in merged.changes} == differing
    for one in merged.changes:
        assert one.before == tuple(held.shown() for held in before.get(one.name, ()))
        assert one.after == tuple(held.shown() for held in becomes.get(one.name, ()))
        gone, come = Counter(one.removed), Counter(one.added)
        assert Counter(one.before) - gone - Counter(a for a, _ in one.changed) == Counter(
            one.after
        ) - come - Counter(b for _, b in one.changed)
        assert msgspec.json.decode(msgspec.json.encode(one), type=Change) == one
