"""The demo behind `scripts/demo`: a stand-in Omeka S, Accession, and 500 real artworks.

Everything that it starts keeps its data in one folder and ends with it. Results are asked for over the same
HTTP API that anybody has, and `examples/tate/check.py` judges them by reading the target.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import httpx2

from service.cli.client import PREFIX, BatchStatus
from service.cli.imports import describe
from service.supervisor import SupervisorError, take_over
from tests.standins.omeka_s import StandIn

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "tate"
SERVICE_PORT = 8420
OMEKA_PORT = 8480
READY_WITHIN = 90.0
STOPS_WITHIN = 30.0
UPLOAD_LIMIT = 300.0
"""Seconds until an import that does not get on is broken off, so that nobody waits for ever."""

# A real Omeka S takes some 130 ms for a create, on as many workers as it has cores; the demo is less patient.
OMEKA_WORKERS, OMEKA_DELAY_MS = 2, 20.0


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


def say(text: str = "") -> None:
    print(text, flush=True)


class Line:
    """One line that moves, on a terminal; elsewhere a line now and then."""

    def __init__(self) -> None:
        self._moves = sys.stdout.isatty()
        self._shown = ""
        self._at = 0.0

    def show(self, text: str) -> None:
        if text == self._shown:
            return
        if self._moves:
            print(f"\r\x1b[K  {text}", end="", flush=True)
        elif time.monotonic() - self._at < 2.0:
            return
        else:
            say(f"  {text}")
        self._shown, self._at = text, time.monotonic()

    def clear(self) -> None:
        if self._moves and self._shown:
            print("\r\x1b[K", end="", flush=True)
        self._shown = ""


class Accession:
    """`accession start` on the demo's own settings file and data folder."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.log = folder / "accession.log"
        self.key_file = folder / "initial-key"
        self._noted = folder / "run" / "url"
        self._noted.unlink(missing_ok=True)  # of a demo that was killed
        self.environment = _clean_environment() | {"ACCESSION_CONFIG": str(config)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "service.cli", "start"],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self) -> str:
        """The service's address, once it answers."""
        deadline = time.monotonic() + READY_WITHIN
        while not self._noted.is_file():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise DemoError(f"Accession did not start. {self.last_words()}")
            time.sleep(0.05)
        return self._noted.read_text(encoding="utf-8").strip()

    def last_words(self) -> str:
        """The end of what its processes said."""
        said = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
        return "It said:\n  " + "\n  ".join(said)

    def stop(self) -> None:
        _stop(self._process)


class Batch:
    """A batch as anybody with a key can read it."""

    def __init__(self, service: str, key: str, identifier: str) -> None:
        self.identifier = identifier
        self._client = httpx2.Client(base_url=service, auth=("haplo", key), timeout=30.0, trust_env=False)

    def status(self) -> BatchStatus:
        return BatchStatus(self._get("").text)

    def log(self) -> list[str]:
        return self._get("/log").text.splitlines()

    def dry_run(self) -> dict[str, Any]:
        """The newest dry run, which may no longer be the newest run."""
        runs = self._get("", "application/json").json()["runs"]
        return next(run for run in runs if run["mode"] == "dry-run")

    def plan(self, run: str) -> list[str]:
        return self._get(f"/plan?run={run}").text.splitlines()

    def report(self) -> list[dict[str, Any]]:
        answer = self._get("/report", "application/x-ndjson")
        return [json.loads(line) for line in answer.text.splitlines() if line]

    def _get(self, path: str, accept: str = "text/plain") -> httpx2.Response:
        answer = self._client.get(f"{PREFIX}/batch/{self.identifier}{path}", headers={"Accept": accept})
        return answer.raise_for_status()


class Watch:
    """Shows how a batch goes on, in a thread, while the script waits for its end."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._line = Line()
        self._stop = threading.Event()
        self._pause = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """While other lines are printed."""
        with self._pause:
            self._line.clear()
            yield

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self._line.clear()

    def _run(self) -> None:
        while not self._stop.wait(0.2):
            with self._pause, contextlib.suppress(httpx2.HTTPError):
                status = self._batch.status()
                if status.active:
                    self._line.show(describe(status))


def upload(accession: Accession, service: str, omeka: StandIn) -> Batch:
    """Run the example's script and tell what happens; its own output is shown as it comes."""
    script = EXAMPLE / "upload.sh"
    environment = accession.environment | {"SERVER": service, "API_KEY_FILE": str(accession.key_file)}
    key = accession.key_file.read_text(encoding="utf-8").strip()
    writes_before = writes(omeka)
    watch: Watch | None = None
    batch: Batch | None = None
    process = subprocess.Popen(
        [str(script)], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    limit = threading.Timer(UPLOAD_LIMIT, process.terminate)
    limit.daemon = True
    limit.start()
    try:
        for line in process.stdout:
            with watch.paused() if watch else contextlib.nullcontext():
                say(f"  | {line.rstrip()}")
                if line.startswith("BATCH ID:"):
                    batch = Batch(service, key, line.partition(":")[2].strip())
                if line.startswith("STATE:") and "dry-run" in line and batch is not None:
                    show_preview(batch, writes(omeka) - writes_before)
            if batch is not None and watch is None:
                watch = Watch(batch)
    finally:
        limit.cancel()
        if watch is not None:
            watch.stop()
        if process.poll() is None and sys.exc_info()[0] is not None:
            process.terminate()
    if process.wait() != 0 or batch is None:
        if batch is not None:
            with contextlib.suppress(httpx2.HTTPError):
                say("\n".join(f"  {line}" for line in batch.log()[-15:]))
        say(accession.last_words())
        raise DemoError(f"examples/tate/upload.sh ended with exit code {process.returncode}.")
    return batch


def writes(omeka: StandIn) -> int:
    """How many requests of the API could have changed something, since the stand-in was started."""
    return int(omeka.requests(last=0)["writes"])


def show_preview(batch: Batch, sent: int) -> None:
    say()
    run = batch.dry_run()
    say(f"  Previewed by the run {run['run']}. Requests that could have changed the Omeka: {sent}.")
    for line in [line for line in batch.plan(run["run"])[1:] if line.strip()][:14]:
        say(f"    {line[:150]}")
    say("    … (the whole of it: GET batch/ID/plan)")
    say()


def show_result(batch: Batch, omeka: StandIn) -> None:
    rows = batch.report()
    say()
    say(f"  Done: {describe(batch.status())}.")
    created = [row for row in rows if row.get("outcome") == "created"]
    say(f"  Three of the {len(created) or len(rows)} items:")
    for row in (created or rows)[:3]:
        say(f"    {row['identifier']}  {row['url']}")
    say("  The end of the log:")
    for line in batch.log()[-8:]:
        say(f"    {line[:150]}")
    say(f"  Requests that could have changed the Omeka, in all: {writes(omeka)}.")
    say()


def checked(omeka: StandIn) -> bool:
    """Whether the items in the target are what the records say, judged from outside."""
    say("  Reading the items back from the Omeka's public API (examples/tate/check.py) …")
    done = subprocess.run([sys.executable, str(EXAMPLE / "check.py"), omeka.url], stdin=subprocess.DEVNULL)
    return done.returncode == 0


def free_port(wanted: int) -> int:
    """The wanted port if it is free, else any."""
    for port in (wanted, 0):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as probe:
            return int(probe.getsockname()[1])
    raise DemoError("There is no free port on 127.0.0.1.")


def write_settings(folder: Path, omeka: StandIn, port: int) -> Path:
    """The settings file of the demo; a real one looks the same."""
    path = folder / "accession.toml"
    path.touch(mode=0o600)
    values = [str(folder), omeka.url, omeka.key_identity, omeka.key_credential]
    data_dir, url, identity, credential = (json.dumps(value) for value in values)  # TOML quotes as JSON does
    path.write_text(
        f"data_dir = {data_dir}\nport = {port}\n\n"
        f"[targets.omeka]\nurl = {url}\nkey_identity = {identity}\nkey_credential = {credential}\n",
        encoding="utf-8",
    )
    return path


def _remembered_ports(folder: Path) -> tuple[int, int]:
    # The same addresses as last time: bookmarks stay right, and the target stays where it was.
    with contextlib.suppress(OSError, ValueError, TypeError):
        service, omeka = json.loads((folder / "ports.json").read_text(encoding="utf-8"))
        return int(service), int(omeka)
    return SERVICE_PORT, OMEKA_PORT


def _clean_environment() -> dict[str, str]:
    """The environment without settings meant for another installation."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("ACCESSION_", "OMEKA_"))
    }


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def hold(folder: Path) -> Iterator[None]:
    """One demo a folder; an Accession that a killed demo left behind is ended."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(
                f"A demo already runs on {folder}. Stop it, or name another --data-dir."
            ) from None
        start_lock = folder / "run" / "start.lock"
        if start_lock.exists():
            os.close(take_over(start_lock, "Accession", say))
        yield


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def run(folder: Path, *, leave: bool) -> int:
    """The demo itself; returns the exit code."""
    service_port, omeka_port = _remembered_ports(folder)
    with contextlib.ExitStack() as stack:
        stack.enter_context(hold(folder))
        say("Starting a stand-in for an Omeka S (not a real one: it answers as a real one was recorded to) …")
        # With a database of its own, so that a second demo meets what the first one made.
        database, port = folder / "omeka-standin.db", free_port(omeka_port)
        omeka = stack.enter_context(StandIn(database, port, workers=OMEKA_WORKERS, delay_ms=OMEKA_DELAY_MS))
        say("Starting Accession: queue, service, worker …")
        accession = Accession(folder, write_settings(folder, omeka, free_port(service_port)))
        stack.callback(accession.stop)
        service = accession.wait_until_ready()
        ports = [int(url.rpartition(":")[2]) for url in (service, omeka.url)]
        (folder / "ports.json").write_text(json.dumps(ports), encoding="utf-8")
        say("Running examples/tate/upload.sh: 500 artworks of the Tate, dry run first:")
        batch = upload(accession, service, omeka)
        show_result(batch, omeka)
        right = checked(omeka)
        if not leave:
            say("Stopping everything.")
            return 0 if right else 1
        say()
        say("Everything is left running:")
        say(f"  service      {service}{PREFIX}/   (described at {service}/openapi.json)")
        say(f"  in a browser {service}/admin/batches/{batch.identifier}   (sign in with the API key)")
        say(f"  API key      {accession.key_file}")
        say(f"  Omeka S      {omeka.url}/   (the stand-in)")
        say(f"  settings     {folder / 'accession.toml'}   (for `accession`: in ACCESSION_CONFIG)")
        say("Ctrl-C stops it.")
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
        say("Stopping …")
        return 0 if right else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/demo", description="Accession, shown on real data.")
    parser.add_argument(
        "--exit", action="store_true", help="stop at once; exit 0 only if the items are right"
    )
    parser.add_argument("--data-dir", type=Path, default=ROOT / "data" / "demo", help="default: data/demo")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)  # also where a shell started us in the background, ignoring it
    try:
        return run(arguments.data_dir.resolve(), leave=not arguments.exit)
    except (DemoError, SupervisorError) as error:
        say(str(error))
        return 1
    except httpx2.HTTPError as error:
        say(f"The service or the stand-in did not answer as expected: {error}")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
