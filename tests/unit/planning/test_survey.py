from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import anyio.from_thread
import pytest

from service.control.model import Control, Destination, FieldWord, Link, Match, Term
from service.store import surveys
from service.store.database import Database
from tests.unit.planning.standing import BY, LATER, Runs, Site
from worker.errors import Fatal
from worker.planning.look_ups import StoredLookUps
from worker.planning.met import Subject
from worker.planning.survey import Surveyor, Surveys
from worker.planning.wanted import Wanted, kinds_in_use, wanted
from worker.records import identity_digest

ITEM = Destination("item", "item")
MATCH = Match(ITEM, (Term(BY),), scope="tate")


def control(**match: object) -> Control:
    return Control(1, "omeka", (), (), match={"item": replace(MATCH, **match)})


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def several(sqlite: Database, site: Site) -> Runs:
    return Runs(sqlite, site)


def learn(several: Runs, of: Control | None = None, *, force: bool = False) -> Surveys:
    surveyor = Surveyor(several.context, several.adapter, several.reads)

    async def ask() -> Surveys:
        return await surveyor.learn(of or control(), force=force)

    return anyio.from_thread.run(ask)


def bearers(
    several: Runs,
    *identifiers: str,
    of: Control | None = None,
    subject: Subject = Subject("item", "tate", (BY,)),
    force: bool = False,
) -> dict[str, list[int]]:
    """What a new run finds that bears these identifiers."""
    digests = {identity_digest((one,)): one for one in identifiers}

    def ask() -> dict[str, list[int]]:
        found = learn(several, of, force=force)
        look_ups = StoredLookUps(several.db, "omeka", several.context.claim.run_id, found, several.reads)
        return {
            digests[digest]: list(ids)
            for digest, ids in look_ups.bearers(subject, list(digests)).items()
            if ids
        }

    return several.carry_out(ask)


FIRST = ["list item", f"page 1 {BY}", "list item", f"bearing {BY}"]


def test_a_survey_is_made_once_and_what_bears_nothing_is_not_read_again(several: Runs, site: Site) -> None:
    site.put(1, "A1")
    site.put(2, "A1", "A2")
    for number in range(3, 500):
        site.put(number)
    assert bearers(several, "A1", "A2", "a1") == {"A1": [1, 2], "A2": [2]}
    assert site.asked == FIRST
    for _ in range(2):
        site.asked.clear()
        assert bearers(several, "A1") == {"A1": [1, 2]}
        assert site.asked == ["list item"]


def test_later_runs_read_what_is_new_or_moved_and_forget_what_is_gone(several: Runs, site: Site) -> None:
    for number in range(1, 6):
        site.put(number, f"A{number}")
    bearers(several)
    site.remove(1)
    site.put(2, "B2", modified=LATER)
    site.put(6, "A6")
    site.put(7)
    site.asked.clear()
    assert bearers(several, "A1", "A2", "B2", "A6") == {"B2": [2], "A6": [6]}
    assert site.asked == ["list item", "read 3 item"]
    site.asked.clear()
    assert bearers(several, "B2") == {"B2": [2]}
    assert site.asked == ["list item"]


def test_of_many_that_are_new_only_those_are_read_that_can_bear_the_property(
    several: Runs, site: Site
) -> None:
    site.put(1, "A1")
    bearers(several)
    for number in range(2, 1000):
        site.put(number)
    site.put(1000, "A1000")
    site.asked.clear()
    assert bearers(several, "A1000") == {"A1000": [1000]}
    assert site.asked == ["list item", f"bearing {BY}", "read 1 item"]
    site.asked.clear()
    bearers(several)
    assert site.asked == ["list item"]


def test_a_survey_that_broke_off_goes_on_at_its_page_and_misses_nothing(several: Runs, site: Site) -> None:
    for number in range(1, 451):
        site.put(number, f"A{number}")

    def break_off(what: str) -> None:
        if what.startswith("page 3"):
            raise RuntimeError("the worker was killed")

    site.meanwhile = break_off
    with pytest.raises(RuntimeError):
        bearers(several)
    # Deleted in pages that were read: 201 to 240 come forward into them. Moved, too.
    site.meanwhile = lambda _: None
    site.remove(*range(1, 41))
    site.put(41, "B41", modified=LATER)
    site.put(999, "A999")
    site.asked.clear()
    found = bearers(several, "A1", "A41", "B41", "A201", "A240", "A241", "A450", "A999")
    assert found == {"B41": [41], "A201": [201], "A240": [240], "A241": [241], "A450": [450], "A999": [999]}
    assert [one for one in site.asked if one.startswith("page")] == [f"page {n} {BY}" for n in (3, 4, 5)]
    site.asked.clear()
    assert bearers(several, "A240") == {"A240": [240]}
    assert site.asked == ["list item"]


def test_what_changes_while_the_pages_are_read_is_as_it_is_at_the_end(several: Runs, site: Site) -> None:
    for number in range(1, 301):
        site.put(number, f"A{number}")

    def edit(what: str) -> None:
        if what.startswith("page 3"):
            site.put(5, "B5", modified=LATER)
            # One less before, one more behind: the total is the same, and 201 is on no page.
            site.remove(1)
            site.put(301, "A301")

    site.meanwhile = edit
    found = bearers(several, "A1", "A5", "B5", "A201", "A301")
    assert found == {"B5": [5], "A201": [201], "A301": [301]}


def test_where_narrows_the_survey_and_what_is_read_later(several: Runs, site: Site) -> None:
    narrowed = control(where=(("item-set", 9),))
    site.put(1, "A1", sets=[9])
    site.put(2, "A1")
    assert bearers(several, "A1", of=narrowed) == {"A1": [1]}
    site.put(3, "A3")
    site.put(4, "A3", sets=[9])
    assert bearers(several, "A3", of=narrowed) == {"A3": [4]}
    # Its membership ends.
    site.put(1, "A1", modified=LATER)
    assert bearers(several, "A1", of=narrowed) == {}
    site.asked.clear()
    assert bearers(several, "A1") == {"A1": [1, 2]}
    assert f"page 1 {BY}" in site.asked, "without `where` it is another survey"


def test_alternatives_are_a_survey_each_and_their_bearers_a_union(several: Runs, site: Site) -> None:
    site.put(1, "A1")
    site.put(2, "A1", by="dcterms:source")
    either = control(by=(Term(BY), Term("dcterms:source")), any_of=True)
    subject = Subject("item", "tate", (BY, "dcterms:source"), alternatives=True)
    assert bearers(several, "A1", of=either, subject=subject) == {"A1": [1, 2]}
    assert [one for one in site.asked if one.startswith("page")] == [f"page 1 {BY}", "page 1 dcterms:source"]


def test_what_another_scope_wrote_is_not_met_but_by_whoever_names_none(several: Runs, site: Site) -> None:
    several.wrote(site.put(1, "A1"), "A1", scope="moma")
    several.wrote(site.put(2, "A1"), "A1-of-source", by="dcterms:source")
    site.put(3, "A1")
    assert bearers(several, "A1") == {"A1": [2, 3]}
    anywhere = Subject("item", "", (BY,), any_scope=True)
    assert bearers(several, "A1", of=control(scope=""), subject=anywhere) == {"A1": [1, 2, 3]}
    assert bearers(several, "A1", of=control(scope="moma"), subject=Subject("item", "moma", (BY,))) == {
        "A1": [1, 3]
    }


def test_what_this_service_wrote_by_the_same_property_is_not_read(several: Runs, site: Site) -> None:
    site.put(1, "A1")
    bearers(several)
    for number in range(2, 300):
        several.wrote(site.put(number, f"A{number}"), f"A{number}")
    site.asked.clear()
    bearers(several)
    assert site.asked == ["list item"]
    # Unless somebody has edited it since.
    site.put(5, "B5", modified=LATER)
    assert bearers(several, "A5", "B5") == {"B5": [5]}


def test_what_moved_by_our_own_write_is_looked_at_again_before_it_is_believed(
    several: Runs, site: Site
) -> None:
    site.put(1, "A1", "B1")
    bearers(several)
    several.wrote(site.put(1, "A1", modified=LATER), "A1")
    site.asked.clear()
    assert bearers(several, "A1", "B1") == {"A1": [1]}
    assert site.asked == ["list item"]


def test_what_links_look_for_is_surveyed_out_of_the_ledgers_copies(several: Runs, site: Site) -> None:
    link = Link(ITEM, (Term("dcterms:title"),))
    linking = Control(1, "omeka", (), (), match={"item": replace(MATCH, inputs=(link,))})  # type: ignore[arg-type]
    subject = Subject("item", "", ("dcterms:title",), any_scope=True)
    assert bearers(several, "Blake", of=linking, subject=subject) == {}
    saved = site.put(1, "Blake", by="dcterms:title")
    several.wrote(saved, "A1")
    site.asked.clear()
    assert bearers(several, "Blake", of=linking, subject=subject) == {"Blake": [1]}
    assert site.asked == ["list item"]


def test_an_empty_target_is_a_survey_without_a_page(several: Runs, site: Site) -> None:
    assert bearers(several, "A1") == {}
    assert site.asked == ["list item"]
    site.put(1, "A1")
    assert bearers(several, "A1") == {"A1": [1]}


# --- another site ---------------------------------------------------------------------------------


def written(several: Runs, site: Site, number: int) -> None:
    for one in range(1, number + 1):
        several.wrote(site.put(one, f"A{one}"), f"A{one}")


@pytest.mark.parametrize(("gone", "stops"), [(5, False), (6, True)])
def test_more_than_five_that_are_gone_stop_a_run(several: Runs, site: Site, gone: int, stops: bool) -> None:
    written(several, site, 20)
    site.remove(*range(1, gone + 1))
    if not stops:
        assert bearers(several) == {}
        return
    with pytest.raises(Fatal) as caught:
        bearers(several)
    assert caught.value.code == "target-not-the-same"
    assert caught.value.message == (
        "Of 20 items that were imported, 6 are not there any more, among them item 1 “A1”, item 2 “A2”, "
        "item 3 “A3”. The target omeka may be another site than the one that was imported into, or have been "
        "restored from a backup. Nothing was written. Compare its address in the settings with Omeka. If it "
        "is the right site and this is as it should be, schedule the run with force=true."
    )
    assert site.asked == ["list item", "read 6 item"]
    assert bearers(several, force=True) == {}
    (line,) = several.said("target-not-the-same")
    assert line.endswith("The run goes on, as was asked for.")


def test_a_tenth_may_be_gone_and_what_a_read_finds_is_not(several: Runs, site: Site) -> None:
    written(several, site, 100)
    site.remove(*range(1, 11))
    assert bearers(several) == {}
    assert site.asked == FIRST
    # The listing lacks what is there all the same: a target that contradicts itself is no other site.
    hidden = {number: site.standing["item"].pop(number) for number in range(11, 31)}

    def show(what: str) -> None:
        if what.startswith("read"):
            site.standing["item"].update(hidden)

    site.meanwhile = show
    assert bearers(several) == {}


def test_of_many_that_are_gone_a_hundred_are_asked_for(several: Runs, site: Site) -> None:
    written(several, site, 400)
    site.remove(*range(1, 301))
    with pytest.raises(Fatal, match="Of 400 items that were imported, 300 are not there any more"):
        bearers(several)
    assert site.asked == ["list item", "read 100 item"]


@pytest.mark.parametrize(("strangers", "stops"), [(5, False), (6, True)])
def test_what_stands_under_known_numbers_must_bear_its_identity(
    several: Runs, site: Site, strangers: int, stops: bool
) -> None:
    written(several, site, 40)
    for number in range(1, 31):
        site.put(number, f"{'X' if number <= strangers else 'A'}{number}", modified=LATER)
    if not stops:
        assert bearers(several) == {}
        return
    with pytest.raises(Fatal) as caught:
        bearers(several)
    assert caught.value.code == "target-not-the-same"
    assert (
        "Of 30 imported items that changed since and were looked at, 6 do not bear the identifier under "
        "which they were imported, among them item 1 “A1”, item 2 “A2”, item 3 “A3”."
    ) in caught.value.message
    # What was read is kept: the same sample costs nothing the next time.
    site.asked.clear()
    assert bearers(several, force=True) == {}
    assert "read 30 item" not in site.asked


# --- what a control file looks for ----------------------------------------------------------------


def looked_for(*matches: Match) -> list[Wanted]:
    return wanted(Control(1, "omeka", (), (), match={str(n): one for n, one in enumerate(matches)}))


def narrowed(number: int) -> tuple[tuple[FieldWord, str | int], ...]:
    return (("item-set", number),)


def test_who_looks_among_everything_makes_others_do_so_too() -> None:
    one, two = replace(MATCH, where=narrowed(1)), replace(MATCH, where=narrowed(2))
    assert looked_for(one, two) == [
        Wanted("item", "tate", (BY,), narrowed(1)),
        Wanted("item", "tate", (BY,), narrowed(2)),
    ]
    assert looked_for(one, two, MATCH) == [Wanted("item", "tate", (BY,))]


def test_a_link_looks_where_the_match_does_by_which_it_finds() -> None:
    match = replace(MATCH, where=narrowed(1))
    same, other = Link(ITEM, (Term(BY),), "tate"), Link(ITEM, (Term(BY),), "moma")
    for link, expected in (
        (same, [Wanted("item", "tate", (BY,), narrowed(1), lookup=True)]),
        (other, [Wanted("item", "moma", (BY,), lookup=True), Wanted("item", "tate", (BY,), narrowed(1))]),
    ):
        holding = replace(match, inputs=(link,))  # type: ignore[arg-type]
        assert wanted(Control(1, "omeka", (), (), match={"item": holding})) == expected


def test_kinds_that_links_name_by_number_are_in_use() -> None:
    link = Link(Destination("media", "media"), by_number=True)
    holding = replace(MATCH, inputs=(link,))  # type: ignore[arg-type]
    assert kinds_in_use(Control(1, "omeka", (), (), match={"item": holding})) == {"item", "media"}


def test_a_first_survey_that_another_run_began_is_shared(several: Runs, site: Site) -> None:
    site.put(1, "A1")
    key = surveys.SurveyKey("omeka", "item", BY)
    ids: list[int] = []

    def both() -> Sequence[int]:
        ids.append(surveys.open_survey(several.db, several.context.claim, key).id)
        return learn(several).of("item", "tate", (BY,))

    assert several.carry_out(both) == ids
