"""A server on loopback that answers with the bytes it is given, in turn, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Answer = bytes | Callable[["Asked"], bytes] | None
"""None: the connection is closed without an answer."""


@dataclass
class Asked:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Scripted:
    """`answers` are used up in turn; the last one stays."""

    answers: list[Answer]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    hold: asyncio.Event | None = None
    """While it is there and not set, answers wait for it."""
    at_once: int = 0
    most_at_once: int = 0


def answer(status: int, body: bytes = b"[]", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def scripted(*answers: Answer) -> AsyncIterator[Scripted]:
    script = Scripted(list(answers))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while asked := await _request(reader):
                script.asked.append(asked)
                script.at_once += 1
                script.most_at_once = max(script.most_at_once, script.at_once)
                if script.hold is not None:
                    await script.hold.wait()
                script.at_once -= 1
                given = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
                content = given(asked) if callable(given) else given
                if content is None:
                    break
                writer.write(content)
                await writer.drain()
                if b"\r\nconnection: close\r\n" in content:
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    script.url = f"http://{host}:{port}"
    try:
        yield script
    finally:
        if script.hold is not None:
            script.hold.set()
        server.close()


async def _request(reader: asyncio.StreamReader) -> Asked | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, target, headers, body)
