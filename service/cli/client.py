"""The service as seen from a shell: the four steps and the reading calls, over HTTP."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, BinaryIO, Literal, NamedTuple, Self
from urllib.parse import quote

import httpx2
import typer

from service.cli.errors import CommandError, ExitCode
from service.cli.run import KEY_FILE
from service.settings import Settings

PREFIX = "/api/haplo-data-import-batch"

Url = Annotated[
    str | None,
    typer.Option(
        "--url", envvar="ACCESSION_URL", help="The service's address; the running local one if not given."
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        envvar="ACCESSION_KEY_FILE",
        help="A file with the API key; else ACCESSION_KEY, else the data folder's initial key.",
    ),
]

Progress = Callable[[int], None]
"""Called with the number of bytes that were sent since the last call."""


_TASK_WAIT = 30.0
_MOST_ASKED = 8
"""A task ends within minutes; a little longer than its last attempt may take is waited."""


class NewControl(NamedTuple):
    """A control file that was made, and what to know about it."""

    text: str
    notes: tuple[str, ...]


class BatchStatus:
    """What `GET batch/ID` said: the state on its first line, then `key: value` lines."""

    def __init__(self, text: str) -> None:
        first, _, rest = text.partition("\n")
        self.state = first.strip()
        self.text = text
        self.lines: Mapping[str, str] = {
            key.strip(): value.strip()
            for key, _, value in (line.partition(":") for line in rest.splitlines())
        }

    @property
    def active(self) -> bool:
        return self.state in {"scheduled", "running", "waiting", "paused", "interrupted"}

    @property
    def ended_well(self) -> bool:
        return self.state in {"dry-run", "complete", "undone"}


@dataclass(frozen=True)
class Asked:
    """What `POST schedule` is asked for, in its words. `preview`: an undo that only shows its plan."""

    mode: str = "import"
    only: Sequence[str] = ()
    limit: int | None = None
    plan: str | None = None
    force: bool = False
    max_removals: str | None = None
    max_errors: str | None = None
    preview: bool = False


class _Counted:
    """A file whose reading is told, so that an upload can be watched."""

    def __init__(self, file: BinaryIO, told: Progress) -> None:
        self._file = file
        self._told = told

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._told(len(data))
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class Api:
    """Calls of one service with one key. Every failure is a :class:`CommandError` of one clear message."""

    def __init__(self, address: str, key: str) -> None:
        self.address = address.rstrip("/")
        self._client = httpx2.Client(
            base_url=self.address, auth=("haplo", key), timeout=httpx2.Timeout(60.0, read=120.0)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def upload_control(self, path: Path, comment: str | None, target: str | None) -> str:
        with path.open("rb") as file:
            fields = _given(comment=comment, target=target)
            return self._post("control", fields, {"file": (path.name, file)})

    def create_batch(
        self, control: str, comment: str | None, target: str | None, corrects: str | None = None
    ) -> str:
        return self._post("batch", _given(control=control, comment=comment, target=target, corrects=corrects))

    def upload_file(self, batch: str, name: str, path: Path, told: Progress) -> str:
        with path.open("rb") as file:
            fields = {"batch": batch, "name": name}
            return self._post("file", fields, {"file": (path.name, _Counted(file, told))})

    def schedule(self, batch: str, asked: Asked) -> str:
        """Returns what the call answers: `SCHEDULED`."""
        given = _given(plan=asked.plan, maxRemovals=asked.max_removals, maxErrors=asked.max_errors)
        fields: dict[str, str | list[str]] = {"batch": batch, "mode": asked.mode, **given}
        fields["only"] = list(asked.only)
        if asked.limit is not None:
            fields["limit"] = str(asked.limit)
        if asked.force:
            fields["force"] = "true"
        if asked.preview:
            fields["dry-run"] = "true"
        return self._post("schedule", fields)

    def steer(self, batch: str, verb: Literal["cancel", "pause", "resume"]) -> str:
        """Returns what the call answers: `CANCELLING`, `PAUSING`, `RESUMING`."""
        return self._post(f"batch/{batch}/{verb}", {})

    def check_control(
        self, control: Path, data: Sequence[tuple[str, Path]], target: str | None, rows: int | None
    ) -> str:
        """What a check found, as text: `OK` or `PROBLEMS n` on its first line."""
        fields: dict[str, str | list[str]] = dict(_given(target=target))
        if rows is not None:
            fields["rows"] = str(rows)
        fields["name"] = [name for name, _ in data]
        with ExitStack() as stack:
            files = [
                ("file", (path.name, stack.enter_context(path.open("rb"))))
                for path in (control, *(path for _, path in data))
            ]
            return self._answered("POST", "control/check", "text/plain", data=fields, files=files).text

    def new_control(self, data: Path | None, **fields: str | None) -> NewControl:
        """A control file to start from. `fields`: name, target, template, reader."""
        with ExitStack() as stack:
            files = [("file", (data.name, stack.enter_context(data.open("rb"))))] if data else None
            answer = self._answered(
                "POST", "control/new", "application/json", data=_given(**fields), files=files
            )
        made = answer.json()
        return NewControl(made["control"], tuple(made["notes"]))

    def target_model(self, name: str) -> str:
        return self._answered("GET", f"targets/{quote(name, safe='')}/model", "text/plain").text

    def check_target(self, name: str) -> str:
        return self._post(f"targets/{name}/check", {})

    def status(self, batch: str, wait: float = 0) -> BatchStatus:
        return BatchStatus(self._get(f"batch/{batch}", {"wait": f"{wait:g}"} if wait else {}))

    def stream(
        self, path: str, parameters: Mapping[str, str | list[str]], accept: str = "text/plain"
    ) -> Iterator[bytes]:
        """The bytes of an answer as they come, for logs and reports of any length."""
        with (
            self._errors_as_lines(),
            self._client.stream(
                "GET", f"{PREFIX}/{path}", params=dict(parameters), headers={"Accept": accept}, timeout=None
            ) as answer,
        ):
            if not answer.is_success:
                answer.read()
                raise _refused(answer)
            yield from answer.iter_bytes()

    def _get(self, path: str, parameters: Mapping[str, str]) -> str:
        with self._errors_as_lines():
            answer = self._client.get(
                f"{PREFIX}/{path}", params=dict(parameters), headers={"Accept": "text/plain"}
            )
        if not answer.is_success:
            raise _refused(answer)
        return answer.text

    def _post(
        self, path: str, fields: Mapping[str, str | list[str]], files: Mapping[str, Any] | None = None
    ) -> str:
        with self._errors_as_lines():
            answer = self._client.post(
                f"{PREFIX}/{path}", data=dict(fields), files=files, headers={"Accept": "text/plain"}
            )
        if not answer.is_success:
            raise _refused(answer)
        return answer.text.strip()

    def _answered(self, method: str, path: str, accept: str, **content: Any) -> httpx2.Response:
        """The answer of a call that a worker does: asked for again at its own address until it is there."""
        headers = {"Accept": accept}
        with self._errors_as_lines():
            answer = self._client.request(method, f"{PREFIX}/{path}", headers=headers, **content)
            asked = 1
            while answer.status_code == 202 and asked < _MOST_ASKED:
                # Where this client reached the service, not where the service believes that it is.
                task = answer.headers["location"].rsplit("/", 1)[1]
                answer = self._client.get(
                    f"{PREFIX}/task/{task}", params={"wait": f"{_TASK_WAIT:g}"}, headers=headers
                )
                asked += 1
        if answer.status_code == 202:
            raise CommandError("No worker has answered. Is one running (accession start)?")
        if not answer.is_success:
            raise _refused(answer)
        return answer

    @contextmanager
    def _errors_as_lines(self) -> Iterator[None]:
        try:
            yield
        except httpx2.TimeoutException as error:
            raise CommandError(
                f"The service at {self.address} did not answer in time. Try again.", ExitCode.UNREACHABLE
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise CommandError(
                f"The service at {self.address} cannot be reached ({error}). "
                "Is it running (accession start)? Is --url right?",
                ExitCode.UNREACHABLE,
            ) from error


def _given(**fields: str | None) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value is not None}


def _refused(answer: httpx2.Response) -> CommandError:
    text = answer.text.strip() or f"The service answered {answer.status_code} without a reason."
    return CommandError(text, ExitCode.UNREACHABLE if answer.status_code == 503 else ExitCode.FAILED)


def connect(settings: Settings, url: str | None, key_file: Path | None) -> Api:
    """The service that is meant: the named one, else the one that runs on this data folder."""
    return Api(url or _local_address(settings), _key(settings, key_file))


def _local_address(settings: Settings) -> str:
    noted = settings.data_dir / "run" / "url"
    if noted.is_file():
        return noted.read_text(encoding="utf-8").strip()
    if settings.public_url:
        return settings.public_url
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def _key(settings: Settings, key_file: Path | None) -> str:
    if key_file is None and (key := os.environ.get("ACCESSION_KEY", "").strip()):
        return key
    path = key_file or settings.data_dir / KEY_FILE
    try:
        key = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(
            f"No API key: {path} cannot be read. Give one with --key-file or in ACCESSION_KEY "
            "(make one with `accession keys create LABEL`)."
        ) from error
    if not key:
        raise CommandError(f"No API key: {path} is empty.")
    return key
