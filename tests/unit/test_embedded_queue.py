"""The queue of one machine, with the real server."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from service import embedded_queue
from service.embedded_queue import EmbeddedQueue, QueueError
from service.settings import Settings

Make = Callable[[Settings], EmbeddedQueue]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes queues, and stops them at the end."""
    made: list[EmbeddedQueue] = []

    def _make(settings: Settings) -> EmbeddedQueue:
        made.append(EmbeddedQueue(settings))
        return made[-1]

    yield _make
    for queue in made:
        queue.stop()


def client(queue: EmbeddedQueue) -> redis.Redis:
    return redis.Redis(unix_socket_path=str(queue.socket))


def test_what_was_queued_survives_an_orderly_stop(settings: Settings, make: Make) -> None:
    queue = make(settings)
    queue.start()
    with client(queue) as connection:
        connection.set("rung", "yes")
    queue.stop()
    assert not queue.answers()
    queue.start()
    with client(queue) as connection:
        assert connection.get("rung") == b"yes"


def test_a_server_that_outlived_its_parent_is_used_again(settings: Settings, make: Make) -> None:
    first = make(settings)
    first.start()
    second = make(settings)
    second.start()
    assert second.reused
    second.stop()
    assert not first.answers()


def test_a_left_over_socket_is_no_obstacle(settings: Settings, make: Make) -> None:
    queue = make(settings)
    queue.start()
    with client(queue) as connection:
        pid = int(connection.info("server")["process_id"])
    os.kill(pid, signal.SIGKILL)
    while queue.answers():
        pass
    assert queue.socket.exists()
    again = make(settings)
    again.start()
    assert again.answers()
    assert not again.reused


def test_a_file_that_the_server_refuses_is_set_aside(settings: Settings, make: Make) -> None:
    queue = make(settings)
    queue.start()
    queue.stop()
    manifest = queue.folder / "appendonlydir" / "appendonly.aof.manifest"
    manifest.write_text("this is not a manifest\n", encoding="utf-8")
    queue.start()
    assert queue.answers()
    kept = list(queue.folder.glob("appendonlydir.refused-*/appendonly.aof.manifest"))
    assert [path.read_text(encoding="utf-8") for path in kept] == ["this is not a manifest\n"]


def test_only_this_user_may_connect(settings: Settings, make: Make) -> None:
    queue = make(settings)
    queue.start()
    assert queue.socket.stat().st_mode & 0o777 == 0o700
    assert queue.folder.stat().st_mode & 0o777 == 0o700
    with client(queue) as connection:
        assert connection.config_get("port") == {"port": "0"}


def test_a_data_folder_too_deep_for_a_socket_gets_one_elsewhere_that_all_processes_find(
    tmp_path: Path, make: Make
) -> None:
    deep = tmp_path / ("deep" * 30)
    settings = Settings(data_dir=deep)
    queue = make(settings)
    queue.start()
    assert len(os.fsencode(queue.socket)) < 104
    assert queue.socket.parent.stat().st_mode & 0o777 == 0o700
    assert Settings(data_dir=deep).queue == f"unix://{queue.socket}" == queue.url
    assert make(settings).socket == queue.socket
    queue.stop()
    assert not queue.socket.parent.exists()


def test_a_folder_that_somebody_else_can_write_to_is_not_used_for_the_socket(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 30)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    foreign.chmod(0o777)
    (deep / "queue").mkdir(parents=True)
    (deep / "queue" / "socket-path").write_text(f"{foreign / 'queue.sock'}\n", encoding="utf-8")
    chosen = embedded_queue.socket_path(Settings(data_dir=deep))
    assert chosen.parent != foreign
    chosen.parent.rmdir()


def test_why_a_server_cannot_be_started_is_told(
    settings: Settings, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_queue, "server_program", lambda: Path("/bin/false"))
    with pytest.raises(QueueError, match=r"ended while starting \(exit code 1\); see .*queue\.log"):
        make(settings).start()


def test_the_server_of_the_packages_runs_here() -> None:
    told = subprocess.run([embedded_queue.server_program(), "--version"], capture_output=True, text=True)
    assert told.returncode == 0
    assert "v=9." in told.stdout
