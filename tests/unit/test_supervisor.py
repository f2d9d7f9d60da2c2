"""Children that are kept running, stopped in time, and found again after their supervisor was killed."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from service import supervisor
from service.settings import Settings
from service.supervisor import (
    Child,
    Program,
    SupervisorError,
    address_of,
    hold_data_dir,
    listen,
    take_over,
)

STUBBORN = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).write_text("up")
time.sleep(60)
"""
WRITES_PID = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(60)"
NOTES_SIGTERM = """
import pathlib, signal, sys, time
def end(*_):
    pathlib.Path(sys.argv[1]).write_text("ended in order")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
pathlib.Path(sys.argv[1]).write_text("up")
time.sleep(60)
"""


def child(folder: Path, code: str, *arguments: str, stops_within: float = 10.0) -> tuple[Child, list[str]]:
    said: list[str] = []
    program = Program("worker", (sys.executable, "-c", code, *arguments), stops_within)
    return Child(program, folder, {}, said.append), said


async def until_text(path: Path, lines: int = 1) -> list[str]:
    while not path.exists() or len(path.read_text(encoding="utf-8").splitlines()) < lines:
        await asyncio.sleep(0.01)
    return path.read_text(encoding="utf-8").splitlines()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_stopped_child_has_ended_in_order(tmp_path: Path) -> None:
    noted = tmp_path / "noted"

    async def scenario() -> None:
        kept, _ = child(tmp_path, NOTES_SIGTERM, str(noted))
        kept.start()
        assert await until_text(noted) == ["up"]
        await kept.stop()

    asyncio.run(scenario())
    assert noted.read_text(encoding="utf-8") == "ended in order"


def test_a_child_that_does_not_end_is_killed(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        kept, said = child(tmp_path, STUBBORN, str(tmp_path / "up"), stops_within=0.2)
        kept.start()
        await until_text(tmp_path / "up")
        await kept.stop()
        return said

    assert asyncio.run(scenario()) == ["The worker does not stop; it is killed."]


def test_a_child_that_crashes_is_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_PAUSES", (0.01,))
    pids = tmp_path / "pids"

    async def scenario() -> list[str]:
        kept, said = child(tmp_path, WRITES_PID, str(pids))
        kept.start()
        first = int((await until_text(pids))[0])
        os.kill(first, signal.SIGKILL)
        second = int((await until_text(pids, 2))[1])
        assert second != first
        await kept.stop()
        assert not alive(second)
        return said

    assert asyncio.run(scenario()) == ["The worker ended (by SIGKILL); started again in 0.01 s."]


def test_a_child_that_never_comes_up_is_given_up_by_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_PAUSES", (0.01, 0.02))

    async def scenario() -> list[str]:
        kept, said = child(tmp_path, "raise SystemExit(3)")
        kept.start()
        await kept.gave_up.wait()
        await kept.stop()
        return said[:2]

    assert asyncio.run(scenario()) == [
        "The worker ended (exit code 3); started again in 0.01 s.",
        "The worker ended (exit code 3); started again in 0.02 s.",
    ]


def test_what_a_killed_child_started_ends_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_PAUSES", (30.0,))
    pids = tmp_path / "pids"
    parent = (
        "import subprocess, sys, os, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "open(sys.argv[1], 'w').write(f'{os.getpid()}\\n{p.pid}\\n')\n"
        "time.sleep(60)"
    )

    async def scenario() -> None:
        kept, _ = child(tmp_path, parent, str(pids))
        kept.start()
        first, below = (int(pid) for pid in await until_text(pids, 2))
        os.kill(first, signal.SIGKILL)
        while alive(below):
            await asyncio.sleep(0.01)
        await kept.stop()

    asyncio.run(scenario())


def test_a_child_of_a_killed_supervisor_is_ended_by_the_next_start(tmp_path: Path) -> None:
    lock, noted, said = tmp_path / "worker.lock", tmp_path / "noted", []
    descriptor = take_over(lock, "worker", said.append)
    orphan = subprocess.Popen([sys.executable, "-c", NOTES_SIGTERM, str(noted)], pass_fds=[descriptor])
    os.pwrite(descriptor, f"{orphan.pid}\n".encode(), 0)
    os.close(descriptor)
    asyncio.run(until_text(noted))
    assert said == []

    os.close(take_over(lock, "worker", said.append))

    assert orphan.wait(10) == 0
    assert noted.read_text(encoding="utf-8") == "ended in order"
    assert said == [f"The worker of an earlier start still runs (process {orphan.pid}); it is stopped."]


def test_a_number_left_in_a_lock_file_harms_nobody(tmp_path: Path) -> None:
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    (tmp_path / "worker.lock").write_text(f"{bystander.pid}\n", encoding="utf-8")
    os.close(take_over(tmp_path / "worker.lock", "worker", pytest.fail))
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_a_data_folder_has_one_start(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    with hold_data_dir(settings):
        with (
            pytest.raises(SupervisorError, match=rf"already running .* \(process {os.getpid()}\)"),
            hold_data_dir(settings),
        ):
            pass
        assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    with hold_data_dir(settings):
        pass


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with (
        pytest.raises(SupervisorError, match=r"cannot be used: Not a directory. Set ACCESSION_DATA_DIR"),
        hold_data_dir(Settings(data_dir=tmp_path / "file" / "data")),
    ):
        pass


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(
            SupervisorError, match=rf"port {port}: Address already in use. Set ACCESSION_PORT"
        ):
            listen("127.0.0.1", port)


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(SupervisorError, match=r"Cannot listen on 192\.0\.2\.1"):
        listen("192.0.2.1", 0)


@pytest.mark.parametrize(("host", "shown"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1")])
def test_the_address_is_one_that_can_be_asked(host: str, shown: str) -> None:
    with listen(host, 0) as listening:
        port = listening.getsockname()[1]
        assert address_of(listening, Settings()) == f"http://{shown}:{port}"
