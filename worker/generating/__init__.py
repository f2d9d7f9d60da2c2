"""Generators of control files: from a data file, from a resource template of the target, or from both."""

from worker.generating.generator import generate
from worker.generating.given import Generated, GivenData
from worker.generating.model import (
    TargetClass,
    TargetCustomVocabulary,
    TargetDataType,
    TargetItemSet,
    TargetModel,
    TargetProperty,
    TargetSite,
    TargetTemplate,
    TargetVocabulary,
    TemplateProperty,
)

__all__ = [
    "Generated",
    "GivenData",
    "TargetClass",
    "TargetCustomVocabulary",
    "TargetDataType",
    "TargetItemSet",
    "TargetModel",
    "TargetProperty",
    "TargetSite",
    "TargetTemplate",
    "TargetVocabulary",
    "TemplateProperty",
    "generate",
]
