"""The pieces of a value on their way: split, told apart, mapped."""

from __future__ import annotations

from typing import Any

from service.control.model import Split, ValueMap
from worker.mapping.problems import Unconvertible, shown
from worker.mapping.state import RecordState
from worker.mapping.text import as_text, is_blank, split_text


def split_pieces(values: list[Any], split: Split) -> list[Any]:
    """Texts in pieces; blank ones between separators are none, a text of nothing else is one blank."""
    pieces: list[Any] = []
    for value in values:
        if isinstance(value, str):
            pieces += [piece for piece in split_text(value, split) if piece and not piece.isspace()]
        else:
            pieces.append(value)
    return pieces


def distinct_pieces(pieces: list[Any]) -> list[Any]:
    """Pieces that will make different values, told apart by their texts, which is cheaper. What is no text
    is left for the type to judge."""
    seen: set[str] = set()
    kept: list[Any] = []
    for piece in pieces:
        text = piece.strip() if isinstance(piece, str) else None
        if text is None:
            text = as_text(piece) if isinstance(piece, int | float) else None
        if text is None or text not in seen:
            kept.append(piece)
            if text is not None:
                seen.add(text)
    return kept


def mapped_piece(piece: Any, table: ValueMap, state: RecordState, name: str, pointer: str) -> Any:
    """The entry of `mapInputValue` for a piece; blanks have an entry only under the key ""."""
    if is_blank(piece):
        return table.table.get("", piece)
    key = as_text(piece) or ""
    if key in table.table:
        return table.table[key]
    if table.has_default:
        return table.default
    match table.unmapped:
        case "pass":
            return piece
        case "drop":
            state.warn(
                "value-not-in-map",
                f"{name}: “{shown(piece)}” has no entry in mapInputValue and was left out.",
                pointer,
                piece,
            )
            return None
        case _:
            raise Unconvertible("value-not-in-map", f"“{shown(piece)}” has no entry in mapInputValue.")
