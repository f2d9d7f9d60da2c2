"""How media and assets get their files: upload, URL, HTML, IIIF, oEmbed, YouTube."""

from __future__ import annotations

import asyncio
import http.client
import re
import secrets
import socket
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urljoin, urlsplit

import orjson

from tests.standins.shared import sniff
from tests.standins.shared.multipart import Upload
from tests.standins.shared.storage import Spool

from .errors import invalid
from .knobs import Knobs
from .model import Json, Media

RENDERERS = {
    "upload": "file",
    "url": "file",
    "html": "html",
    "iiif": "iiif",
    "iiif_presentation": "iiif_presentation",
    "oembed": "oembed",
    "youtube": "youtube",
}
_TIMEOUT = 10.0
_REDIRECTS = 5
_SCRIPTS = re.compile(r"<(script|style|iframe|object|embed|form)\b.*?</\1\s*>", re.I | re.S)
_HANDLERS = re.compile(r"""\s(?:on\w+|style)\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)""", re.I)
_SCRIPT_URLS = re.compile(r"""\s(?:href|src)\s*=\s*(["']?)\s*javascript:[^"'>]*\1""", re.I)


@dataclass(frozen=True)
class StoredFile:
    """A file that was taken, before its row exists."""

    content: Spool
    media_type: str
    storage: str
    extension: str

    @property
    def filename(self) -> str:
        """Name in the store."""
        return f"{self.storage}.{self.extension}" if self.extension else self.storage


def take(name: str, content: Spool, media_types: list[str], extensions: list[str]) -> StoredFile:
    """Check a file's type and extension, and give it a name; 422 where the whitelist forbids it."""
    media_type = sniff.media_type(content.head)
    extension = sniff.extension(name, media_type)
    errors: list[Json] = []
    if media_type not in media_types:
        errors.append(f'Error validating "{name}". Cannot store files with the media type "{media_type}".')
    if extension not in extensions:
        errors.append(
            f'Error validating "{name}". Cannot store files with the resolved extension "{extension}".'
        )
    if errors:
        raise invalid({"file": errors})
    return StoredFile(content, media_type, secrets.token_hex(20), extension)


async def ingest(media: Media, data: Json, files: dict[str, Upload], knobs: Knobs) -> StoredFile | None:
    """Fill ``media`` from a request's data; the file that must be stored with it, if there is one."""
    match media.ingester:
        case "upload":
            upload = uploaded(data, files, knobs)
            file = take(upload.name, upload.content, knobs.media_types, knobs.extensions)
            return _attach(media, upload.name, file)
        case "url":
            return await _from_url(media, data, knobs)
        case "html":
            html = data.get("html")
            if isinstance(html, str):
                media.data = {**data, "html": purify(html)}
            return None
        case "iiif" | "iiif_presentation":
            media.source = _source(data)
            media.data = orjson.loads(await _download(media.source, "o:source"))
            return None
        case "oembed":
            await _from_oembed(media, data)
            return None
        case _:
            media.source = _source(data)
            media.data = {"id": _youtube_id(media.source), "start": data.get("start"), "end": data.get("end")}
            return None


def uploaded(data: Json, files: dict[str, Upload], knobs: Knobs) -> Upload:
    """The file part that ``file_index`` names."""
    if not files:
        raise invalid({"error": ["No files were uploaded"]})
    if data.get("file_index") is None:
        raise invalid({"error": ["No file index was specified"]})
    index = str(data["file_index"])
    if not index or index not in files:
        raise invalid({"error": ["No file uploaded for the specified index"]})
    upload = files[index]
    if knobs.upload_max_filesize and upload.content.size > knobs.upload_max_filesize:
        raise invalid({"upload": ["The uploaded file exceeds the upload_max_filesize directive in php.ini"]})
    return upload


def _attach(media: Media, source: str, file: StoredFile) -> StoredFile:
    media.source = source
    media.media_type = file.media_type
    media.sha256 = file.content.sha256
    media.size = file.content.size
    media.storage = file.storage
    media.extension = file.extension
    media.has_original = True
    media.has_thumbnails = file.media_type in sniff.THUMBNAILED
    return file


async def _from_url(media: Media, data: Json, knobs: Knobs) -> StoredFile:
    url = data.get("ingest_url")
    if url is None:
        raise invalid({"error": ["No ingest URL specified"]})
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise invalid({"ingest_url": ["Invalid ingest URL"]})
    content = await _download(url, "download")
    name = urlsplit(url).path.rpartition("/")[2] or url
    file = take(name, Spool(content), knobs.media_types, knobs.extensions)
    return _attach(media, url, file)


def _source(data: Json) -> str:
    source = data.get("o:source")
    if not isinstance(source, str) or urlsplit(source).scheme not in ("http", "https"):
        raise invalid({"o:source": ["Invalid or missing source URL"]})
    return source


async def _from_oembed(media: Media, data: Json) -> None:
    media.source = _source(data)
    page = await _download(media.source, "o:source")
    link = re.search(rb"<link[^>]+application/json\+oembed[^>]*>", page, re.I)
    href = re.search(rb"""href=["']([^"']+)""", link.group()) if link else None
    if href is None:
        raise invalid({"o:source": ["No OEmbed links were found at the given URI"]})
    address = urljoin(media.source, href[1].decode("utf-8", "replace").replace("&amp;", "&"))
    media.data = orjson.loads(await _download(address, "o:source"))


def _youtube_id(source: str) -> str:
    parts = urlsplit(source)
    host = parts.hostname or ""
    if host in ("youtu.be", "www.youtu.be"):
        return parts.path.lstrip("/")
    if host in ("youtube.com", "www.youtube.com"):
        if parts.path == "/watch":
            return parse_qs(parts.query).get("v", [""])[0]
        if parts.path.startswith("/embed/"):
            return parts.path.removeprefix("/embed/")
    raise invalid({"o:source": ["Invalid YouTube URL specified, not a YouTube URL"]})


def purify(html: str) -> str:
    """Markup without what could run."""
    return _SCRIPT_URLS.sub("", _HANDLERS.sub("", _SCRIPTS.sub("", html)))


async def _download(url: str, field: str) -> bytes:
    # In a thread: the address may be one of this very server.
    try:
        return await asyncio.to_thread(_get, url)
    except _DownloadError as error:
        raise invalid({field: [str(error)]}) from None


class _DownloadError(Exception):
    """A message as the server's downloader words it."""


def _get(url: str) -> bytes:
    address = url
    for _ in range(_REDIRECTS + 1):
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(host, port, timeout=_TIMEOUT)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
        try:
            target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
            connection.request("GET", target + (f"?{parts.query}" if parts.query else ""))
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise _DownloadError(_unreachable(url, host, port, error)) from None
        finally:
            connection.close()
        location = response.getheader("location")
        if response.status in (301, 302, 303, 307, 308) and location:
            address = urljoin(address, location)
            continue
        if response.status != 200:
            raise _DownloadError(f"Error downloading {url}: {response.status} {response.reason}")
        return body
    raise _DownloadError(f"Error downloading {url}: too many redirects")


def _unreachable(url: str, host: str, port: int, error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        reason = "Connection refused"
    elif isinstance(error, socket.gaierror):
        reason = "php_network_getaddresses: getaddrinfo failed: Name or service not known"
    elif isinstance(error, TimeoutError):
        reason = "Connection timed out"
    else:
        return f"Error downloading {url}: Unable to read response, or response is empty"
    return (
        f"Error downloading {url}: Unable to connect to {host}:{port} . Error #0: "
        f"stream_socket_client(): Unable to connect to {host}:{port} ({reason})"
    )
