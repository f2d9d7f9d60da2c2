"""In which order entries are written: laws over any graph, and the shapes that records make."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from worker.planning.depths import Graph, Placed

Edges = Sequence[tuple[int, int]]
SIZE = 12
numbers = st.integers(1, SIZE)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Edges, Edges]:
    """Links among entries, and for some entries the one that they cannot even be created without; that one
    was there before (an item before its media), and so never follows in turn what follows it."""
    links = draw(st.lists(st.tuples(numbers, numbers), max_size=24))
    follows = draw(st.lists(st.tuples(numbers, numbers), max_size=5, unique_by=lambda edge: edge[0]))
    sources = {source for source, _ in follows}
    return links, [(source, target) for source, target in follows if target not in sources]


def placed(links: Edges, follows: Edges = (), size: int = SIZE) -> dict[int, Placed]:
    graph = Graph(size)
    for source, target in links:
        graph.add(source, target)
    for source, target in follows:
        graph.add(source, target, follows=True)
    found = list(graph.placed())
    assert len({one.seq for one in found}) == len(found), "each entry is placed once"
    return {one.seq: one for one in found}


def depth(places: dict[int, Placed], entry: int) -> int:
    return places[entry].depth if entry in places else 0


def circles(edges: Edges) -> dict[int, frozenset[int]]:
    """Entry → all that it reaches and that reach it, the slow way; empty where it is in no circle."""
    reach = {one: {target for source, target in edges if source == one} for one in range(1, SIZE + 1)}
    for middle in reach:
        for one in reach:
            if middle in reach[one]:
                reach[one] |= reach[middle]
    return {one: frozenset(other for other in reach[one] if one in reach[other]) for one in reach}


@settings(deadline=None)
@given(graphs())
def test_all_that_an_entry_links_to_is_there_when_it_is_written_or_it_is_completed_later(
    graph: tuple[Edges, Edges],
) -> None:
    links, follows = graph
    places = placed(links, follows)
    for source, target in links:
        late = depth(places, target) >= depth(places, source)
        assert not late or places[source].cyclic, (source, target)


@settings(deadline=None)
@given(graphs())
def test_what_cannot_be_created_without_another_comes_after_it(graph: tuple[Edges, Edges]) -> None:
    links, follows = graph
    places = placed(links, follows)
    for source, target in follows:
        assert depth(places, source) > depth(places, target)


@settings(deadline=None)
@given(st.lists(st.tuples(numbers, numbers), max_size=30))
def test_what_is_completed_later_is_exactly_what_stands_in_a_circle(links: Edges) -> None:
    places = placed(links)
    circle = circles(links)
    assert {one for one, place in places.items() if place.cyclic} == {one for one in circle if circle[one]}
    for one, others in circle.items():
        assert len({depth(places, other) for other in others}) <= 1, "a circle stands at one depth"
        assert all(
            depth(places, one) > depth(places, target)
            for source, target in links
            if source == one and target not in others
        )


@settings(deadline=None)
@given(st.lists(st.tuples(numbers, numbers), max_size=30))
def test_no_entry_stands_deeper_than_it_must(links: Edges) -> None:
    places = placed(links)
    circle = circles(links)
    needs: defaultdict[frozenset[int], set[int]] = defaultdict(set)
    for source, target in links:
        if target not in circle[source]:
            needs[circle[source] or frozenset({source})].add(target)
    for members, needed in needs.items():
        for one in members:
            assert depth(places, one) == 1 + max(depth(places, other) for other in needed)
    assert all(place.cyclic or place.depth for place in places.values()), "what is simply at 0 is not told"


@settings(deadline=None)
@given(graphs())
def test_what_is_needed_is_told_before_what_needs_it(graph: tuple[Edges, Edges]) -> None:
    links, follows = graph
    order = {seq: place for place, seq in enumerate(placed(links, follows))}
    circle = circles([*links, *follows])
    for source, target in (*links, *follows):
        if target not in circle[source] and source in order and target in order:
            assert order[target] < order[source]


@given(st.lists(st.tuples(numbers, numbers), max_size=20), st.randoms())
def test_the_order_in_which_links_are_met_does_not_matter(
    links: list[tuple[int, int]], random: object
) -> None:
    shuffled = list(links)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert placed(shuffled) == placed(links)


def test_a_chain_of_a_hundred_thousand_is_no_deeper_than_the_stack() -> None:
    size = 100_000
    places = placed([(one, one + 1) for one in range(1, size)], size=size)
    assert [places[one].depth for one in (1, 2, size // 2, size - 1)] == [size - 1, size - 2, size // 2, 1]
    assert size not in places


def test_a_circle_of_a_hundred_thousand_is_one() -> None:
    size = 100_000
    places = placed([(one, one % size + 1) for one in range(1, size + 1)], size=size)
    assert len(places) == size
    assert {(one.depth, one.cyclic) for one in places.values()} == {(0, True)}


def test_without_links_everything_is_simply_at_depth_0() -> None:
    assert placed([]) == {}


def test_media_that_link_to_each_other_stand_behind_their_items_and_are_completed() -> None:
    places = placed([(3, 4), (4, 3)], [(3, 1), (4, 2)])
    assert {one: places[one].cyclic for one in places} == {3: True, 4: True}


def test_media_that_link_to_themselves_are_completed() -> None:
    assert placed([(2, 2)], [(2, 1)])[2].cyclic


def test_an_item_that_links_to_its_own_media_is_completed_and_they_are_whole() -> None:
    places = placed([(1, 2)], [(2, 1)])
    assert places == {1: Placed(1, 0, True), 2: Placed(2, 1, False)}
