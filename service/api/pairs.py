"""The files of a form: each `name` with the `file` or the `digest` in the same place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from anyio.to_thread import run_sync
from msgspec import Struct

from service.api.context import Call
from service.api.naming import file_name, not_captured
from service.errors import ApiError, Problem, bad_parameter, refusal, shown, together
from service.store.batches import readable_sizes
from service.store.blobs import BlobStore, Digest, is_digest
from service.store.held import hold_known, keep_all
from service.uploads import FilePart, Form, TextPart

Content: TypeAlias = "FilePart | TextPart"
Pair: TypeAlias = "tuple[str, Content]"
"""A name in its normal form, and the bytes or the digest that go by it."""

Found: TypeAlias = 'Literal["held", "removed", "missing"]'


class FileStored(Struct, frozen=True):
    """`deduplicated`: the service held these bytes before."""

    name: str
    digest: str
    size: int
    filename: str
    deduplicated: bool


def named_parts(form: Form, other: FilePart | None = None) -> list[Pair]:
    """Each `name` with the `file` or `digest` in the same place: the first with the first, and so on.

    `other` is a file of the form that has no name. Raises `ApiError` 400.
    """
    pairs, errors = read_pairs(form, other)
    if errors:
        raise together(errors)
    return pairs


def read_pairs(form: Form, other: FilePart | None = None) -> tuple[list[Pair], list[ApiError]]:
    """The same, and what is wrong with each of the others. Raises `ApiError` 400 where they do not pair."""
    names = form.texts("name")
    contents = [part for part in form.parts if part.name in ("file", "digest") and part is not other]
    if not contents or len(names) != len(contents):
        raise bad_parameter(
            "name" if len(names) < len(contents) else "file",
            f"There are {len(names)} name and {len(contents)} file or digest: each name needs one, and"
            " each of them a name (curl -F name=data0 -F file=@FILE).",
            "parameter-missing",
        )
    pairs: list[Pair] = []
    errors: list[ApiError] = []
    for raw, content in zip(names, contents, strict=True):
        try:
            pairs.append((file_name(raw), content))
        except ApiError as error:
            errors.append(error)
    for name, times in Counter(name for name, _ in pairs).items():
        if times > 1:
            how_often = "twice" if times == 2 else f"{times} times"
            message = f"name {shown(name)} is given {how_often} in one request."
            errors.append(bad_parameter("name", message, "parameter-repeated"))
    return pairs, errors


async def known_bytes(call: Call, pairs: Sequence[Pair]) -> tuple[dict[Digest, int], list[ApiError]]:
    """The sizes of the bytes that are named by digest, from now on held; and an error for each pair of
    which they cannot be used."""
    named = [(name, part.value) for name, part in pairs if isinstance(part, TextPart)]
    digests = {Digest(text.lower()) for _, text in named if is_digest(text.lower())}
    sizes = await call.db.run(readable_sizes, call.key, digests)
    found = await held_of(call, list(sizes))
    errors = []
    for name, text in named:
        error = _unusable(name, text, found)
        if error is not None:
            errors.append(error if len(pairs) == 1 else _about(name, error))
    return {digest: sizes[digest] for digest, how in found.items() if how == "held"}, errors


def _unusable(name: str, text: str, found: Mapping[Digest, Found]) -> ApiError | None:
    if not is_digest(text.lower()):
        return not_captured("digest", "a digest", text)
    digest = Digest(text.lower())
    message = f"File not found: {digest}. Upload it: -F name={name} -F file=@FILE"
    match found.get(digest, "missing"):
        case "held":
            return None
        case "removed":
            message = f"digest: these bytes were not used for long, and were removed. {message}"
            return refusal(410, "removed", message, "digest")
        case _:
            return refusal(404, "file-unknown", message, "digest")


def _about(name: str, error: ApiError) -> ApiError:
    """The same, saying which of several pairs it is about."""
    return ApiError(
        error.status,
        [Problem(f"{name}: {one.message}", one.code, one.parameter, one.pointer) for one in error.problems],
    )


async def keep_pairs(call: Call, pairs: Sequence[Pair], sizes: Mapping[Digest, int]) -> list[FileStored]:
    """Keep the bytes that came; `sizes` are those of the others. What uses them has to be committed next."""
    incomings = [part.incoming for _, part in pairs if isinstance(part, FilePart)]
    stored = iter(await call.db.run(keep_all, call.services.blobs, incomings) if incomings else ())
    files = []
    for name, part in pairs:
        if isinstance(part, FilePart):
            one = next(stored)
            files.append(FileStored(name, one.digest, one.size, part.filename, deduplicated=not one.new))
        else:
            digest = Digest(part.value.lower())
            files.append(FileStored(name, digest, sizes[digest], "", deduplicated=True))
    return files


async def take_pairs(call: Call, pairs: Sequence[Pair]) -> list[FileStored]:
    """Keep or find the bytes of all. Raises `ApiError` with every pair of which they cannot be found."""
    sizes, errors = await known_bytes(call, pairs)
    if errors:
        raise together(errors)
    return await keep_pairs(call, pairs, sizes)


async def held(call: Call, digest: Digest) -> Found:
    """Whether the bytes are there, and then stay until what uses them is committed."""
    return (await held_of(call, [digest]))[digest]


async def held_of(call: Call, digests: Sequence[Digest]) -> dict[Digest, Found]:
    """The same for several."""
    known = await call.db.run(hold_known, digests)
    there = await run_sync(_standing, call.services.blobs, known)
    return {
        digest: "held" if digest in there else "missing" if digest in known else "removed"
        for digest in digests
    }


def _standing(blobs: BlobStore, digests: Iterable[Digest]) -> set[Digest]:
    return {digest for digest in digests if blobs.size(digest) is not None}
