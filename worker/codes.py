"""The codes of runs, plans and the journal, and what they mean. Codes are stable; messages are not.

Others have their own tables: mapping (`worker.mapping.codes`), targets and readers (`docs/errors.md`,
`docs/readers.md`).
"""

from __future__ import annotations

from collections.abc import Mapping

from service.store.logs import Level

CODES: Mapping[str, tuple[Level, str]] = {
    # why a run ended, or did not
    "blob-missing": (
        "error",
        "The store no longer holds the bytes of the control file or of a file. Upload it again.",
    ),
    "cancelled": ("warning", "A person ended the run; what was written stands."),
    "control-invalid": ("error", "The control file has errors, a line each."),
    "file-not-expected": ("error", "The control file takes no file of this name."),
    "internal-error": ("error", "A fault of this program; the worker's own log has the details."),
    "model-other": (
        "error",
        "The control file is for another kind of Omeka than the target (`model`).",
    ),
    "not-offered": ("error", "The control file uses what this version does not carry out yet."),
    "nothing-to-undo": ("error", "The batch has written nothing."),
    "plan-stale": (
        "error",
        "What the plan touches has changed since the dry run (`plan=`); nothing was written, or not this.",
    ),
    "target-not-the-same": (
        "error",
        "What was imported is gone or changed beyond recognition: another site, or a backup. Nothing was "
        "written (`force=true`).",
    ),
    "source-down": (
        "error",
        "A source did not answer for too long; nothing was written, what has come is kept.",
    ),
    "source-forbidden": ("error", "A source may not be read into this target (`targets` in its settings)."),
    "source-key-refused": ("error", "A source does not know its key, or its owner may not read there."),
    "source-not-omeka": ("error", "There is no such Omeka at the address of a source."),
    "source-refused": ("error", "A source has answered that it does not give what was asked for."),
    "source-unknown": ("error", "A source that the control file reads is not in the worker's settings."),
    "target-unknown": ("error", "The batch's target is not in the worker's settings."),
    "too-many-errors": ("error", "More records were rejected than `maxErrors` allows; nothing was written."),
    "too-many-removals": (
        "error",
        "More resources would be removed than `maxRemovals` allows; nothing was written.",
    ),
    "unknown-kind": ("error", "The plan holds a kind of resource that no target takes."),
    # the way of a run
    "absent-kept": ("warning", "What no record mentions is not removed this time; the message says why."),
    "chosen": ("info", "The run is about some records only, and which."),
    "failed-kept": ("info", "What was not written can be had as it stands in the file, to be corrected."),
    "failed-not-kept": (
        "warning",
        "What was not written cannot be given back as a file; the report names it.",
    ),
    "file-missing": ("error", "The batch has no file of this name."),
    "identifier-not-met": ("warning", "An identifier that was asked for is that of no record."),
    "identifiers-none": ("error", "A list of identifiers is empty."),
    "identifiers-too-many": ("error", "A list of identifiers is longer than a run can hold."),
    "identifiers-unclear": ("error", "A list has several columns, and none is called `identifier`."),
    "interrupted": ("info", "The worker is being stopped; the run goes on at the next start."),
    "left-out": ("info", "How many records were chosen, and how many left out."),
    "log-shortened": ("warning", "More problems than the log shows; the report has them all."),
    "paused": ("info", "A person paused the run; it goes on when it is resumed."),
    "planned": ("info", "The plan is complete."),
    "preflight": ("info", "Address and key of the target are good."),
    "reading": ("info", "How a file is read, and what was noticed in it."),
    "scope-close": ("warning", "The scope is new on this target and spelt nearly like one that is known."),
    "source-page-failed": ("error", "A page of a source could not be read; what stands on it is missing."),
    "source-parts-missing": ("error", "Parts of a record of a source could not be read, so it was left out."),
    "source-read": ("info", "All that a source has was read, and is a file of the batch from now on."),
    "source-reading": ("info", "A source is being read, and from where on."),
    "settling": ("info", "The run has ended; what its last writes did is being found out."),
    "started": ("info", "A worker has taken the run."),
    "summary": ("info", "The run in one line; the last line of a log."),
    "survey": ("info", "Looking at what stands in the target already."),
    "unknown-left": (
        "warning",
        "Of some creates of the batch it is not known whether they took effect; an undo leaves them.",
    ),
    "taken-over": ("warning", "Another worker left off in the middle of writing; what it did is found out."),
    "quiet-over": ("info", "The quiet hours of the target are over; the run goes on."),
    "target-back": ("info", "The target answers again."),
    "target-quiet": (
        "info",
        "Quiet hours of the target (`pace` in its settings): the run waits for their end, and goes on by itself.",
    ),
    # what becomes of a record
    "absent": ("warning", "No record mentions the resource any more (`absent`)."),
    "altered": ("error", "The target saved something else than was meant; both are named."),
    "ambiguous-identity": ("error", "Several resources bear the identifier; nothing was chosen."),
    "answer-lost": (
        "warning",
        "The target's answer did not come; it is found out whether the write took effect.",
    ),
    "conflict": (
        "error",
        "Somebody edited what the record means otherwise, and `onConflict` says to reject that.",
    ),
    "conflict-keep": ("warning", "Somebody edited what the record means otherwise; the edit is kept."),
    "conflict-overwrite": (
        "warning",
        "Somebody edited what the record means otherwise; the record takes its place.",
    ),
    "asset-file-changed": (
        "error",
        "The record brings another file for an asset that stands; Omeka takes none for it.",
    ),
    "thumbnail-missing": (
        "warning",
        "No asset could be made of the file of a thumbnail; the record was written without it, unless it needs it.",
    ),
    "asset-without-file": ("error", "The asset is new, and the record names no file for it."),
    "created": ("info", "The resource was created."),
    "delete-new": ("error", "A record deletes what another record of the same batch creates."),
    "delete-would-lose-files": (
        "error",
        "The resource has files of which no copy is kept: deleting it could not be undone.",
    ),
    "deleted": ("info", "The resource was deleted."),
    "description-stays": (
        "warning",
        "A set or an element is described otherwise in Omeka Classic, whose API cannot change that.",
    ),
    "primary-elsewhere": (
        "error",
        "A primary media in a record whose item another record of the batch creates.",
    ),
    "duplicate-identity": ("error", "An earlier record of this batch has the same identifier."),
    "file-not-compared": (
        "warning",
        "The asset stood in the target before; what is in its file Omeka does not tell.",
    ),
    "found": ("error", "There is such a resource, and the control file has such records rejected."),
    "found-skipped": (
        "warning",
        "There is such a resource, and the control file has such records skipped.",
    ),
    "given-up": (
        "error",
        "It was sent several times, no answer told what became of it, and it was not in the target afterwards.",
    ),
    "gone": ("warning", "The resource was imported before, and somebody has deleted it since."),
    "in-use": (
        "error",
        "An undo left what the batch created, since something else would be lost with it.",
    ),
    "item-refused": ("error", "The item of this media was not written."),
    "late-write": (
        "error",
        "A change or deletion that was given up for lost took effect after all, over what came between.",
    ),
    "link-ambiguous": ("error", "A link could lead to several resources; nothing was chosen."),
    "link-refused": ("error", "What the value links to, or completes, was not written by this run."),
    "link-unknown": ("error", "A link leads to nothing, neither in the batch nor in the target."),
    "member-differs": (
        "error",
        "A term of a vocabulary is there with another label or comment, which Omeka does not change.",
    ),
    "members-stay": ("warning", "An undo left the terms that the batch had added to a vocabulary."),
    "merged": ("warning", "The record was added to an earlier one with its identity (`duplicates: merge`)."),
    "new-number": ("warning", "What was deleted is created again; Omeka gives it a new number."),
    "not-found": ("error", "There is no such resource, and the control file does not have it created."),
    "not-found-skipped": (
        "warning",
        "There is no such resource, and the control file has such records skipped.",
    ),
    "not-sent": ("debug", "The run left off before this was sent; it is sent when the run goes on."),
    "place-left-out": (
        "warning",
        "The place of an item of another site is not taken over: the target has no map.",
    ),
    "owner-unknown": (
        "warning",
        "The owner of a record is no user of the target; the key's owner is its owner.",
    ),
    "record-refused": (
        "error",
        "Another resource of the same record was refused: written whole or not at all.",
    ),
    "skipped": ("warning", "A `skip` instruction left the record out."),
    "superseded": ("warning", "A lost write was not found in the target, and is sent again."),
    "template-required": (
        "error",
        "The template requires a property that the record does not give (`templates: enforce`).",
    ),
    "template-type": (
        "error",
        "A value is of a type that the template does not allow (`templates: enforce`).",
    ),
    "template-type-left": (
        "warning",
        "A text is none of the types that the template gives its property; it stayed a text.",
    ),
    "remnant-left": (
        "error",
        "Half a record stands in the target that a failed create may have left, or somebody else: look at it.",
    ),
    "remnant-removed": ("warning", "Half a record that a failed create left was removed."),
    "field-stays": ("warning", "An undo leaves what the target cannot take off a record again."),
    "half-left": (
        "error",
        "A change that the target refused half-way could not be taken back: look at the record.",
    ),
    "half-restored": (
        "warning",
        "A change that the target refused half-way was taken back: the record is as it was before.",
    ),
    "twin-left": ("error", "A second resource of this record stands in the target and was left: look at it."),
    "twin-removed": (
        "warning",
        "A second resource, made by a request that was given up for lost, was removed.",
    ),
    "undo-conflict": (
        "error",
        "Somebody, or a later batch, changed the resource since; the undo leaves it (`force=true`).",
    ),
    "undo-forced": ("warning", "The undo goes over a later change, as was asked for."),
    "updated": ("info", "The resource was updated."),
    "replaced": ("warning", "A file has other bytes than before: its media is replaced."),
    "replacement-missing": (
        "warning",
        "The media that should be replaced was kept: the new one does not stand as it should.",
    ),
    # files of media
    "attachment-ambiguous": ("error", "Several files could be meant by that name."),
    "attachment-belied": ("warning", "A file is of another kind than its name says; it is sent as it is."),
    "attachment-damaged": ("error", "A file is cut off, or is not what was packed into its zip."),
    "attachment-empty": ("error", "A file holds no byte."),
    "attachment-missing": ("error", "No file of that name was uploaded."),
    "attachment-too-large": ("error", "A file is larger than the target takes."),
    "attachment-type": ("error", "The target does not take files of that ending or kind."),
    "attachment-unused": ("warning", "Files were uploaded that no record names."),
    "fetch-failed": ("error", "An address could not be reached, three times."),
    "fetch-refused": ("error", "An address may not be fetched, or there is nothing."),
    "fetch-too-large": ("error", "An address gives more bytes than are fetched (`largest_fetch`)."),
    "value-not-returnable": (
        "error",
        "The resource holds a value that Omeka would drop if it were sent back; nothing was changed.",
    ),
    "uncertain": ("error", "An answer was lost, and several resources could be this record."),
}
