"""What the journal keeps of a resource before it is changed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.store.ledger import LedgerKey, LedgerRow
from tests.unit.planning.given import standing
from worker.applying.images import Inbound, PreImage, image_of, pack, unpack
from worker.targets.omeka_s.representation import decode, saved_from

kinds = st.sampled_from(["item", "item-set", "media"])
numbers = st.integers(1, 2**53)
rows = st.builds(
    LedgerRow,
    key=st.builds(LedgerKey, st.text(), kinds, st.text(), st.text()),
    resource_id=numbers,
    altered=st.none() | st.binary(),
    withdrawn=st.none() | st.just("unpublish"),
)
images = st.builds(
    PreImage,
    kind=kinds,
    id=numbers,
    saved=st.binary(),
    media=st.lists(st.binary()).map(tuple),
    inbound=st.lists(st.builds(Inbound, kinds, numbers, st.text(), st.binary())).map(tuple),
    members=st.lists(numbers).map(tuple),
    ledger=st.none() | rows,
)


@given(images)
def test_what_was_kept_is_read_as_it_was(image: PreImage) -> None:
    assert unpack(pack(image)) == image


def test_the_image_of_a_resource_is_its_representation_as_the_target_gave_it() -> None:
    saved = standing(7, {"dcterms:title": ["Été “x” 🜁"]}, **{"o:unknown": {"kept": [1, None]}})
    image = unpack(pack(image_of(saved, None)))
    assert (image.kind, image.id, image.ledger) == ("item", 7, None)
    assert saved_from(decode(image.saved), "item") == saved
