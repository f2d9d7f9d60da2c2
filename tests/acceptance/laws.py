"""What must hold after every import and every undo, said in terms of the site before and after."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from service.store.changes import Changes
from service.store.plans import Entry
from tests.acceptance.worlds import (
    Content,
    Edit,
    Json,
    Order,
    Row,
    State,
    content,
    contents,
    expected,
    property_values,
)

DERIVED = {"o:modified", "o:title", "@reverse", "thumbnail_display_urls"}
OF_MEDIA = {"o:media", "o:primary_media"}
OF_A_FILE = {"o:original_url", "o:filename", "o:thumbnail_urls", "thumbnail_display_urls", "position"}
"""What a file gets when it is stored, and its place in numbers: another each time."""
"""What Omeka derives from values and from the moment."""
DONE = ("created", "updated", "deleted", "unpublished")


@dataclass
class Memory:
    """What the program should know of each identity, by what was done to it."""

    ours: dict[tuple[str, str], set[Content]] = field(default_factory=lambda: defaultdict(set))
    """(identity, term) → what this service wrote."""
    added: dict[tuple[str, str], set[Content]] = field(default_factory=lambda: defaultdict(set))
    """(identity, term) → what somebody put there since the term was written last."""
    removed: dict[tuple[str, str], set[Content]] = field(default_factory=lambda: defaultdict(set))
    edited: set[str] = field(default_factory=set)
    """Items that somebody edited since they were written last."""
    known: set[str] = field(default_factory=set)
    """What the scope has written, and nobody took away."""
    withdrawn: set[str] = field(default_factory=set)
    """What was taken from the public because no record spoke of it."""

    def copy(self) -> Memory:
        return deepcopy(self)

    def note_edit(self, edit: Edit, before: State, after: State) -> None:
        was, now = before.named(edit.name), after.named(edit.name)
        if was == now or edit.name not in self.known:
            return
        self.edited.add(edit.name)
        for term in {*property_values(was or {}), *property_values(now or {})}:
            key = (edit.name, term)
            held, holds = contents(was, term), contents(now, term)
            if raw(was, term) != raw(now, term):
                self.added[key] |= set(holds - held) | self._altered(was, now, term)
                self.removed[key] = (self.removed[key] | set(held - holds)) - set(holds)
                self.added[key] -= self.removed[key]

    @staticmethod
    def _altered(was: Json, now: Json, term: str) -> set[Content]:
        """Values that got another visibility or annotation."""
        before = Counter(json.dumps(one, sort_keys=True) for one in (was or {}).get(term, ()))
        values = (now or {}).get(term, ())
        return {content(one) for one in values if not before[json.dumps(one, sort_keys=True)]}

    def forget(self, name: str) -> None:
        for table in (self.ours, self.added, self.removed):
            for key in [one for one in table if one[0] == name]:
                del table[key]
        for names in (self.edited, self.known, self.withdrawn):
            names.discard(name)

    def take_over(self, name: str, other: Memory) -> None:
        """What was remembered of an identity at another time."""
        self.forget(name)
        for table, source in (
            (self.ours, other.ours),
            (self.added, other.added),
            (self.removed, other.removed),
        ):
            table.update({key: set(values) for key, values in source.items() if key[0] == name})
        for names, those in (
            (self.edited, other.edited),
            (self.known, other.known),
            (self.withdrawn, other.withdrawn),
        ):
            if name in those:
                names.add(name)


def raw(item: Json | None, term: str) -> list[Json]:
    return list((item or {}).get(term, ()))


# --- an import ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Import:
    """An import that was carried out. `planned`: the changes of its plan, by entry."""

    order: Order
    before: State
    after: State
    entries: Sequence[Entry]
    planned: Mapping[int, Changes]
    vanished: frozenset[int] = frozenset()
    """What somebody deleted between plan and import."""
    every: Sequence[Entry] = ()
    """The entries, those of media and of their order too; `entries` are those of records' items."""
    taken_back: frozenset[str] = frozenset()
    """Records that the target had changed in part, and that were given back what they held: they are as they
    were but for their stamp."""

    def entry(self, name: str) -> Entry | None:
        return next((one for one in self.entries if one.identifier == name), None)

    @property
    def touched(self) -> set[str]:
        return {one.identifier or "" for one in self.entries if one.outcome in DONE}


def check_import(done: Import, memory: Memory) -> None:
    """Every law of an import, and then what it leaves behind in `memory`."""
    outcomes = {one.outcome for one in done.entries}
    assert outcomes <= {*DONE, "unchanged", "skipped", "rejected"}, outcomes
    check_once(done.after)
    check_rest(done)
    for row in done.order.rows:
        entry = done.entry(row.name)
        if entry is not None and entry.outcome in ("created", "updated", "unchanged"):
            _check_row(done, row, memory)
            if done.after.named(row.name) is not None:
                _check_scans(done, row)
    check_removals(done, memory)
    check_plan(done)
    _remember(done, memory)


def check_once(state: State, *, ended: bool = True) -> None:
    """No identity is borne twice, no file is there twice; unless what replaces it has come, and the run that
    was to delete it was cancelled."""
    borne = Counter(
        value.get("@value") for item in state.items for value in item.get("dcterms:identifier", ())
    )
    assert not [one for one, n in borne.items() if n > 1], borne
    assets = Counter(one["o:name"] for one in state.tables.get("assets", ()))
    assert not [one for one, n in assets.items() if n > 1], assets
    for item in state.items:
        names = Counter(name for name, _ in scans_of(state, item))
        assert not [one for one, n in names.items() if n > (1 if ended else 2)], (item["o:id"], names)


def scans_of(state: State, item: Json) -> list[tuple[str, str]]:
    """(name, SHA-256) of the files of an item, in their order."""
    media = {one["o:id"]: one for one in state.tables["media"]}
    shown = [media[one["o:id"]] for one in item["o:media"]]
    return [(one["o:source"], one["o:sha256"]) for one in shown if str(one.get("o:source")).endswith(".jpg")]


def _check_scans(done: Import, row: Row) -> None:
    """Each once, whole, in the order of the record; what it no longer names is kept."""
    was, now = done.before.named(row.name), done.after.named(row.name)
    assert now is not None
    stand, meant = scans_of(done.after, now), row.shown
    names = {name for name, _ in meant}
    assert [one for one in stand if one[0] in names] == meant, (row.name, stand, meant)
    earlier = scans_of(done.before, was) if was is not None else []
    assert {one for one in earlier if one[0] not in names} == {one for one in stand if one[0] not in names}
    _check_primary(done, row, was, now)
    if row.cover:
        shown = (now["o:thumbnail"] or {}).get("o:id")
        (asset,) = [one for one in done.after.tables["assets"] if one["o:id"] == shown]
        assert asset["o:name"] == row.thumbnail, (row.name, asset)


def _check_primary(done: Import, row: Row, was: Json | None, now: Json) -> None:
    """The one that the record names; where it names none, the one that was certainly chosen before."""
    primary = _primary(done.after, now)
    if row.primary:
        assert primary == row.file(row.primary), (row.name, primary)
    elif was is not None and (chosen := _primary(done.before, was)) is not None:
        first = was["o:media"][0]["o:id"] == was["o:primary_media"]["o:id"]
        assert first or primary == chosen, (row.name, chosen, primary)


def _primary(state: State, item: Json) -> str | None:
    """The file name of what Omeka shows an item by."""
    number = (item.get("o:primary_media") or {}).get("o:id")
    return next((str(one["o:source"]) for one in state.tables["media"] if one["o:id"] == number), None)


def check_rest(done: Import) -> None:
    """Whatever was not written is as it was, byte for byte, stamps included."""
    gone = ids(done.before) - ids(done.after)
    for table, rows in done.before.tables.items():
        now = {one["o:id"]: one for one in done.after.tables[table]}
        for one in rows:
            number = one["o:id"]
            item = number if table == "items" else one["o:item"]["o:id"] if table == "media" else None
            name = done.before.numbers().get(item) if item is not None else None
            if name in done.touched and table == "items":
                continue
            if item in gone or done.order.has_media(name):
                continue
            assert number in now, (table, one)
            then = without_links(one, gone)
            if name in done.taken_back:
                then |= {"o:modified": now[number]["o:modified"]}
            same(untold(now[number]), untold(then), f"{table} {number}")


def untold(one: Json) -> Json:
    return {key: value for key, value in one.items() if key != "@reverse"}


def ids(state: State) -> set[int]:
    return {one["o:id"] for table in ("items", "item_sets", "media") for one in state.tables[table]}


def without_links(one: Json, gone: Collection[int]) -> Json:
    """A resource without its values that link to what is gone: Omeka takes them away by itself."""
    result = {}
    for key, value in one.items():
        if isinstance(value, list):
            value = [v for v in value if not (isinstance(v, dict) and v.get("value_resource_id") in gone)]
            if not value and one[key]:
                continue
        result[key] = value
    return result


def _check_row(done: Import, row: Row, memory: Memory) -> None:
    was, now = done.before.named(row.name), done.after.named(row.name)
    if now is None and was is None and done.vanished:
        return  # found unchanged, and deleted by somebody right after
    assert now is not None, row.name
    gone = ids(done.before) - ids(done.after)
    numbers = {name: number for number, name in done.after.numbers().items()}
    wishes = done.order.wishes(row, numbers)
    if was is not None:
        earlier = without_links(was, gone)
        public = {"o:is_public"} if row.name in memory.withdrawn else set()
        kept = {*was, *now} - done.order.named - DERIVED - public - (OF_MEDIA if row.scans else set())
        kept -= {"o:thumbnail"} if row.cover else set()
        same({key: now.get(key) for key in kept}, {key: earlier.get(key) for key in kept}, row.name)
        assert not public or now["o:is_public"] is True
        was = earlier
    for term in done.order.named - {"dcterms:identifier"}:
        wanted = wishes[term]
        if wanted is None:
            assert raw(now, term) == raw(was, term), (row.name, term)
            continue
        _check_name(done.order, row.name, term, wanted, (was, now), memory)
    assert ("literal", "", row.name) in contents(now, "dcterms:identifier")


def _check_name(
    order: Order,
    name: str,
    term: str,
    wanted: Sequence[Content],
    sides: tuple[Json | None, Json],
    memory: Memory,
) -> None:
    was, now = sides
    present, holds, key = contents(was, term), contents(now, term), (name, term)
    theirs = {one for one in memory.added[key] if one in present}
    missed = {one for one in memory.removed[key] if one not in present} if was is not None else set()
    policy = order.policy(term)
    if order.on_conflict == "keep" and (theirs or missed):
        assert theirs <= set(holds), (name, term, "lost", theirs, dict(holds))
        assert not missed & set(holds), (name, term, "came back", missed, dict(holds))
    elif policy != ("replace", "ours") or max(present.values(), default=1) == 1:
        meant = expected(policy, present, wanted, memory.ours[key])
        assert holds == meant, (name, term, policy, "present", present, "holds", holds, "meant", meant)
    _check_values(was, now, term, named=term in order.hidden)


def _check_values(was: Json | None, now: Json, term: str, *, named: bool) -> None:
    """What stays keeps its visibility and annotation; what is new is private where all was private."""
    before: defaultdict[Content, list[str]] = defaultdict(list)
    for one in raw(was, term):
        before[content(one)].append(json.dumps(one, sort_keys=True))
    hidden = bool(raw(was, term)) and not any(one["is_public"] for one in raw(was, term))
    for one in raw(now, term):
        if named:
            assert one["is_public"] is False or content(one) != ("literal", "", "oil"), one
            continue
        earlier = before[content(one)]
        if earlier:
            text = json.dumps(one, sort_keys=True)
            assert text in earlier, (term, one, earlier)
            earlier.remove(text)
        else:
            assert one["is_public"] is not hidden, (term, one)


def check_removals(done: Import, memory: Memory) -> None:
    """Nothing goes that nobody asked for; what somebody edited stays where conflicts are kept."""
    asked = {row.name for row in done.order.rows if row.fate == "gone"}
    spoken = {row.name for row in done.order.rows}
    if done.order.absent == "delete":
        asked |= memory.known - spoken
    for name in set(done.before.numbers().values()):
        if done.after.named(name) is None:
            assert name in asked, f"{name} was deleted, and nobody asked for it"
            assert done.order.on_conflict != "keep" or name not in memory.edited, name
    if done.order.absent == "unpublish":
        for name in memory.known - spoken:
            now = done.after.named(name)
            assert now is None or now["o:is_public"] is False, name


# --- import = plan --------------------------------------------------------------------------------


def check_plan(done: Import) -> None:
    """The plan said of every name what stood there and what will; of others, nothing changed.

    Links to what was deleted aside: Omeka takes them away with it, and refuses what would lead there.
    """
    new, gone = ids(done.after) - ids(done.before), ids(done.before) - ids(done.after)
    lost = {f"resource {number}" for number in gone | done.vanished}
    for entry in done.entries:
        name = entry.identifier or ""
        was, now = done.before.named(name), done.after.named(name)
        planned = {one.name: one for one in done.planned[entry.seq].changes}
        if entry.outcome == "deleted":
            assert now is None, name
        elif entry.outcome in ("updated", "unpublished"):
            terms = {*property_values(was), *property_values(now), *(one for one in planned if ":" in one)}
            for term in terms - ({"dcterms:relation"} if done.vanished else set()):
                told = planned.get(term)
                then, there = shown(was, term, new, lost), shown(now, term, new, lost)
                before = _told(told.before, new, lost) if told else there
                after = _told(told.after, new, lost) if told else then
                assert Counter(then) == Counter(before), (name, term, told, then)
                assert Counter(there) == Counter(after), (name, term, told, there)
        elif entry.outcome == "created":
            for term in set(property_values(now)) - {"dcterms:relation", "dcterms:identifier"}:
                assert Counter(shown(now, term, new)) == Counter(planned[term].added), (name, term)


def _told(values: Sequence[str], new: Collection[int], lost: Collection[str]) -> list[str]:
    """As `shown`: where somebody edited meanwhile, the numbers of new resources are told."""
    made = {f"resource {number}" for number in new}
    return ["a resource of this run" if one in made else one for one in values if one not in lost]


def shown(item: Json | None, term: str, new: Collection[int], lost: Collection[str] = ()) -> list[str]:
    """Values as a plan shows them; `new`: resources that this run creates; without those in `lost`."""
    return [text for value in raw(item, term) if (text := _shown(value, new)) not in lost]


def _shown(value: Json, new: Collection[int]) -> str:
    number = value.get("value_resource_id")
    main = value.get("@id") if number is None else f"resource {number}"
    text = str(main if main is not None else value.get("@value"))
    if number in new:
        text = "a resource of this run"
    if value.get("o:label"):
        text += f" “{value['o:label']}”"
    if value.get("@language"):
        text += f" @{value['@language']}"
    if value["type"] not in ("literal", "uri", "resource"):
        text += f" ^^{value['type']}"
    if not value["is_public"]:
        text += " (private)"
    if value.get("@annotation"):
        text += f" (annotated: {', '.join(sorted(value['@annotation']))})"
    return text


def _remember(done: Import, memory: Memory) -> None:
    spoken = {row.name: row for row in done.order.rows}
    for entry in done.entries:
        name = entry.identifier or ""
        was, now = done.before.named(name), done.after.named(name)
        if entry.outcome == "deleted":
            memory.forget(name)
        elif entry.outcome == "unpublished":
            if was is not None and was["o:is_public"]:
                memory.withdrawn.add(name)
            memory.edited.discard(name)
        elif name not in spoken:
            continue
        elif entry.outcome in ("created", "updated") or (
            entry.outcome == "unchanged" and name in memory.known
        ):
            _remember_row(done.order, spoken[name], (was, now), memory, done.after)


def _remember_row(order: Order, row: Row, sides: tuple[Json, Json], memory: Memory, after: State) -> None:
    was, now = sides
    if was is None:
        memory.forget(row.name)
    numbers = {name: number for number, name in after.numbers().items()}
    wishes = order.wishes(row, numbers)
    memory.known.add(row.name)
    memory.edited.discard(row.name)
    memory.withdrawn.discard(row.name)
    for term in order.named - {"dcterms:identifier"}:
        key = (row.name, term)
        present, holds = set(contents(was, term)), set(contents(now, term))
        memory.ours[key] = {one for one in holds if one in memory.ours[key] or one not in present}
        wanted = wishes[term]
        if wanted is not None and order.on_conflict == "overwrite":
            # What the record neither asks for nor overwrites goes on being somebody's edit.
            memory.added[key] &= holds - set(wanted)
            if order.policy(term)[0] == "replace" and not memory.added[key]:
                memory.removed[key].clear()


# --- undo -----------------------------------------------------------------------------------------

_ADDRESS = re.compile(r"^/api/(items|media|resources)/(\d+)$")


def renumbered(tables: Json, numbers: Mapping[int, int]) -> Json:
    """The dump with other numbers; `numbers`: of what was created again, new → old."""
    match tables:
        case dict():
            resource = _ADDRESS.match(str(tables.get("@id")))
            return {
                key: numbers.get(value, value)
                if resource and key in ("o:id", "value_resource_id")
                else renumbered(value, numbers)
                for key, value in tables.items()
            }
        case list():
            return [renumbered(one, numbers) for one in tables]
        case str() if found := _ADDRESS.match(tables):
            return f"/api/{found[1]}/{numbers.get(int(found[2]), int(found[2]))}"
    return tables


def again(before: State, after: State) -> dict[int, int]:
    """New number → old one, of items that were created again, and their media in order."""
    numbers: dict[int, int] = {}
    for name in set(before.numbers().values()) & set(after.numbers().values()):
        was, now = before.named(name), after.named(name)
        assert was is not None
        assert now is not None
        if was["o:id"] != now["o:id"]:
            numbers[now["o:id"]] = was["o:id"]
        # Beside another item that came under the same identity there are none.
        media = zip(now["o:media"], was["o:media"], strict=False)
        numbers.update({new["o:id"]: old["o:id"] for new, old in media if new["o:id"] != old["o:id"]})
    return numbers


def restored(state: State, numbers: Mapping[int, int]) -> Json:
    """A dump for comparing with an earlier one: stamps, and what a module kept of what is gone, aside."""
    tables = renumbered(state.tables, numbers)
    return {
        table: {
            one["o:id"]: {
                key: _in_order(value) if key == "@reverse" else value
                for key, value in one.items()
                # What Omeka keeps in `data` is the request that made the media.
                if key not in ("o:modified", "o:created", "data", *OF_A_FILE)
                and not key.startswith("o-module-")
            }
            for one in rows
        }
        for table, rows in tables.items()
    }


def _in_order(reverse: Json) -> Json:
    return {
        term: sorted(several, key=lambda one: json.dumps(one, sort_keys=True))
        for term, several in reverse.items()
    }


def same(now: Json, then: Json, about: str = "") -> None:
    """Fail, and say where two documents differ, unless they are alike."""
    found = apart(now, then)
    if found:
        raise AssertionError(f"{about}: " + "\n".join(found))


def apart(now: Json, then: Json, path: str = "") -> list[str]:
    """Where two documents differ, for a person."""
    if isinstance(now, dict) and isinstance(then, dict):
        keys = list(dict.fromkeys([*then, *now]))
        pairs = [(key, now.get(key, "(none)"), then.get(key, "(none)")) for key in keys]
    elif isinstance(now, list) and isinstance(then, list) and len(now) == len(then):
        pairs = list(zip(range(len(now)), now, then, strict=True))
    else:
        return [] if now == then else [f"{path}: {then} became {now}"]
    return [line for key, one, other in pairs for line in apart(one, other, f"{path}/{key}")]
