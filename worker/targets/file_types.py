"""The files that an Omeka takes as it comes; an administrator may change both lists (Security)."""

from __future__ import annotations

from service.settings import TargetSettings
from worker.attachments.rules import FileRules

_MEDIA_TYPES = """
application/msword application/ogg application/pdf application/rtf application/vnd.ms-access
application/vnd.ms-excel application/vnd.ms-powerpoint application/vnd.ms-project
application/vnd.ms-write application/vnd.oasis.opendocument.chart
application/vnd.oasis.opendocument.database application/vnd.oasis.opendocument.formula
application/vnd.oasis.opendocument.graphics application/vnd.oasis.opendocument.presentation
application/vnd.oasis.opendocument.spreadsheet application/vnd.oasis.opendocument.text
application/vnd.openxmlformats-officedocument.wordprocessingml.document
application/vnd.openxmlformats-officedocument.presentationml.presentation
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet application/x-gzip
application/x-ms-wmp application/x-msdownload application/x-shockwave-flash application/x-tar
application/zip audio/midi audio/mp4 audio/mpeg audio/ogg audio/x-aac audio/x-aiff audio/x-ms-wma
audio/x-ms-wax audio/x-realaudio audio/x-wav image/bmp image/gif image/jp2 image/jpeg image/pjpeg
image/png image/tiff image/webp image/x-icon text/css text/plain text/richtext video/divx video/mp4
video/mpeg video/ogg video/quicktime video/webm video/x-ms-asf video/x-msvideo video/x-ms-wmv
"""
MEDIA_TYPES = frozenset(_MEDIA_TYPES.split())
"""By content, as PHP's fileinfo calls it."""
_EXTENSIONS = """
aac aif aiff asf asx avi bmp c cc class css divx doc docx exe gif gz gzip h ico j2k jp2 jpe jpeg jpg
m4a m4v mdb mid midi mov mp2 mp3 mp4 mpa mpe mpeg mpg mpp odb odc odf odg odp ods odt ogg opus pdf
png pot pps ppt pptx qt ra ram rtf rtx swf tar tif tiff txt wav wax webm webp wma wmv wmx wri xla
xls xlsx xlt xlw zip
"""
EXTENSIONS = frozenset(_EXTENSIONS.split())
"""By name, in lower case."""


def file_rules(settings: TargetSettings) -> FileRules:
    """Of a target as it is set; where nothing is said, of a new Omeka."""
    return FileRules(
        frozenset(settings.media_types) or MEDIA_TYPES,
        frozenset(one.lower().lstrip(".") for one in settings.extensions) or EXTENSIONS,
        settings.largest_file,
        settings.inline_files,
        settings.inline_bytes,
    )
