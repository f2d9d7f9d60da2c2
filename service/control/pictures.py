"""Thumbnails that are files of the batch, rather than assets by name."""

from __future__ import annotations

from service.control.model import THUMBNAIL, Assign, Control
from service.control.walk import parts


def is_picture(part: object) -> bool:
    """Whether it is an instruction that gives a file as a thumbnail: one with `findBy`."""
    return isinstance(part, Assign) and part.name == THUMBNAIL and part.value.find is not None


def names_pictures(control: Control) -> bool:
    """Whether any instruction does."""
    return any(map(is_picture, parts(control)))
