"""What a person can do about what a report says, code by code. Pure.

A message says what is wrong with one record; this says where that is mended: in the data, in the control
file, in Omeka, or nowhere because nothing need be done.
"""

from __future__ import annotations

from collections.abc import Mapping

from service.store.said import Weight

_DATE = (
    "Write the date in a form that is understood; or let the instruction name its pattern, or say what to do"
    " instead (onError, otherwise)."
)
_VALUE = (
    "Correct the value in the data; or let the instruction convert it, or say what to do instead (onError,"
    " otherwise)."
)
_FILE = "Bring the file again as it should be, in a new import of the failed records."
_IDENTITY = "Give each record an identifier of its own, in the data or by the match rule of the control file."
_LINK = (
    "Import what it leads to first or together with it, or correct the value; or say in the instruction what"
    " to do instead (onError, otherwise)."
)
_THEIRS = (
    "Decide which of the two is right: correct the data, or change it in Omeka; onConflict says who wins."
)
_OURS = "Nothing need be done about this one: when what it belongs to is mended, it is written with it."
_TEMPLATE = "Give the record what the resource template asks for, or change the template in Omeka."
_SETTINGS = "Ask who runs this service: the settings of the target do not allow it."
_LOOK = "Look at the record in Omeka: another hand than ours may be needed there."
_RIGHTS = "Give the owner of the target's key the right to do this in Omeka, then retry what failed."
_RETRY = "Retry what failed, when Omeka works again."
_NOTHING = "Nothing need be done, unless it is not what was meant."

_ADVICE: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "date-ambiguous",
            "date-backwards",
            "date-impossible",
            "date-no-interval",
            "date-no-timestamp",
            "date-not-understood",
            "date-two-digit-year",
            "date-two-events",
            "not-a-date",
            "numeric-duration",
            "numeric-interval",
            "numeric-timestamp",
        ),
        _DATE,
    ),
    **dict.fromkeys(
        (
            "not-a-boolean",
            "not-a-number",
            "not-a-resource",
            "not-a-uri",
            "not-an-email",
            "not-an-integer",
            "not-coordinates",
            "not-in-mapping",
            "not-in-vocabulary",
            "not-wkt",
            "several-values",
            "text-too-long",
            "text-too-wide",
            "text-not-unicode",
            "uri-refused",
            "value-empty",
            "value-invalid",
            "value-not-in-map",
            "value-not-text",
            "blank-literal",
            "language-too-long",
        ),
        _VALUE,
    ),
    **dict.fromkeys(
        (
            "attachment-ambiguous",
            "attachment-damaged",
            "attachment-empty",
            "attachment-missing",
            "attachment-too-large",
            "attachment-type",
            "asset-without-file",
            "fetch-refused",
            "fetch-too-large",
            "media-without-source",
            "target-ingest-failed",
        ),
        _FILE,
    ),
    "fetch-failed": "Retry what failed, when the address answers again.",
    **dict.fromkeys(
        ("duplicate-identity", "identity-missing", "identity-several", "identity-unusable"), _IDENTITY
    ),
    "ambiguous-identity": (
        "Look in Omeka which of the resources is the right one, and take the identifier off the others."
    ),
    **dict.fromkeys(("link-ambiguous", "link-unknown", "link-missing", "load-nothing"), _LINK),
    **dict.fromkeys(("link-refused", "item-refused", "record-refused"), _OURS),
    **dict.fromkeys(("conflict", "undo-conflict"), _THEIRS),
    **dict.fromkeys(("template-required", "template-type"), _TEMPLATE),
    **dict.fromkeys(("ingest-off", "role-refused"), _SETTINGS),
    **dict.fromkeys(("half-left", "remnant-left", "twin-left", "late-write"), _LOOK),
    "not-allowed": _RIGHTS,
    "target-validation": "Give the record what Omeka asks for in its message.",
    "target-too-large": "Bring a smaller file or record, or have the limit of Omeka's web server raised.",
    "target-blocked": "Ask who runs Omeka: a rule of its web server refuses what the record holds.",
    "target-gone": "Somebody has deleted it in Omeka meanwhile. Retry what failed: it is planned anew.",
    "given-up": _RETRY,
    "gone": "Somebody has deleted it in Omeka. The control file says whether it is created again (gone).",
    "found": "It stands in Omeka already; the control file has such records rejected (found).",
    "not-found": "It is not in Omeka; the control file does not have it created (notFound).",
    "delete-would-lose-files": "Take the files off it in Omeka first, if it is really to go.",
    "in-use": "Take it out of Omeka by hand, when nothing belongs to it any more.",
    "uncertain": "Look at the resources that are named, and delete what is too much; then retry what failed.",
    "altered": "Look at it in Omeka: what it did not take may be forbidden there, or changed by a module.",
}

_NOTED: Mapping[str, str] = {
    "otherwise-used": "Nothing need be done, if what the control file says instead is good enough.",
    "conflict-keep": "Correct the data, if what somebody wrote in Omeka is right.",
    "conflict-overwrite": "Correct the data, if what somebody had written in Omeka was right.",
}

_DEFAULT: Mapping[Weight, str] = {
    "rejected": (
        "Correct the record in the data, or what the control file says of it, and import the failed records"
        " again."
    ),
    "failed": "Mend what the message says, then retry what failed.",
    "uncertain": "Look in Omeka whether it is there, then retry what failed.",
    "altered": "Look at it in Omeka.",
    "note": _NOTHING,
}


def advice(code: str, weight: Weight) -> str:
    """`code`, `weight`: of `said.Said`."""
    if weight == "note":
        return _NOTED.get(code, _NOTHING)
    return _ADVICE.get(code) or _DEFAULT[weight]
