"""What a control file can map to, by the names that generating uses: `service.control.target_model`."""

from service.control.target_model import (
    TargetClass,
    TargetCustomVocabulary,
    TargetDataType,
    TargetItemSet,
    TargetKind,
    TargetModel,
    TargetProperty,
    TargetSite,
    TargetTemplate,
    TargetVocabulary,
    TemplateProperty,
)

__all__ = [
    "TargetClass",
    "TargetCustomVocabulary",
    "TargetDataType",
    "TargetItemSet",
    "TargetKind",
    "TargetModel",
    "TargetProperty",
    "TargetSite",
    "TargetTemplate",
    "TargetVocabulary",
    "TemplateProperty",
]
