"""`element-texts`: the texts of an Omeka Classic, as its reader gives them, under their own names.

`{set: {element: [{"text": …, "html": …}]}}`. Names are the data's, so whether there is such an element shows
when the record is compared with the target.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from service.control.classic_site import DUBLIN_CORE, TERMS
from service.control.model import ElementTexts, OnError
from worker.mapping.assign import current
from worker.mapping.environment import Environment, Step, careful
from worker.mapping.problems import Unconvertible, shown
from worker.mapping.state import PropertySlot, RecordState
from worker.mapping.text import checked_unicode
from worker.records import Value


def compile_element_texts(instruction: ElementTexts, on_error: OnError, env: Environment) -> Step:
    label, pointer = instruction.destination.label, instruction.pointer
    getter = env.reading.getter(instruction.input, pointer)
    read = careful(getter, on_error, "element-texts", pointer)

    def assign(state: RecordState, context: Any) -> None:
        builder = current(state, label, "element-texts", on_error, pointer)
        if builder is None:
            return
        builder.whole = True
        try:
            found = dict(named_texts(read(state, context)))
        except Unconvertible as failure:
            state.failed(on_error, failure, "element-texts", pointer, None)
            return
        for name, values in found.items():
            slot = builder.properties.get(name)
            if slot is None:
                builder.properties[name] = PropertySlot(values, "replace", "ours", pointer)
            else:
                slot.values += values

    return assign


def element_name(element_set: str, element: str) -> str:
    """`dcterms:title` for the elements of Dublin Core, any other in full."""
    full = f"{element_set}:{element}"
    return TERMS.get(full, full) if element_set == DUBLIN_CORE else full


def named_texts(given: Any) -> Iterator[tuple[str, list[Value]]]:
    """Each element with its values. Blank texts are none, as in Omeka. Raises `Unconvertible`."""
    for element_set, elements in _object(given).items():
        for element, texts in _object(elements).items():
            if not isinstance(texts, list):
                raise _unclear(texts)
            if values := [value for one in texts if (value := _value(one)) is not None]:
                yield element_name(checked_unicode(element_set), checked_unicode(element)), values


def _object(given: Any) -> Mapping[str, Any]:
    if given is None or given == []:  # as PHP writes an object that holds nothing
        return {}
    if not isinstance(given, dict):
        raise _unclear(given)
    return given


def _value(one: Any) -> Value | None:
    text = one.get("text") if isinstance(one, dict) else None
    if isinstance(one, dict) and text is None:
        return None
    if not isinstance(text, str):
        raise _unclear(one)
    if not text.strip():
        return None
    return Value(type="html" if one.get("html") is True else "literal", text=checked_unicode(text))


def _unclear(given: Any) -> Unconvertible:
    return Unconvertible(
        "elements-unclear",
        f"There is {shown(given)} where texts by set and element are expected, as the reader omeka-classic "
        "gives them in “elements”.",
    )
