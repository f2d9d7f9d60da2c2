"""`accession plan` against a service that answers with a plan, piped and on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from typer.testing import CliRunner

from service.cli import app
from service.cli.plan import lines, style_of

PLAN = """Plan of a dry run (run r1)
2 records: 1 to update, 1 to create.

To update (1)

~ works.csv:2 [Ä1] item 4701
    dcterms:title: Old → New
    dcterms:subject:
      Oak → Ash
      - Elm
    ! dcterms:title: somebody edited it.

To create (1)

+ works.csv:3 item
    dcterms:title: [bold]One[/bold] :smile:
"""


@dataclass
class Service:
    address: str = ""
    status: int = 200
    body: bytes = PLAN.encode()
    asked: list[tuple[str, list[tuple[str, str]], str]] = field(default_factory=list)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Service]:
    found = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            found.asked.append((parts.path, parse_qsl(parts.query), self.headers["accept"]))
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        found.address = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("ACCESSION_URL", found.address)
        monkeypatch.setenv("ACCESSION_KEY", "acc_x")
        yield found
        server.shutdown()
        thread.join()


def shell(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["plan", *words])
    return done.exit_code, done.stdout, done.stderr


def test_piped_it_is_the_text_as_it_comes(service: Service) -> None:
    assert shell("b1") == (0, PLAN, "")
    assert service.asked == [
        ("/api/haplo-data-import-batch/batch/b1/plan", [("details", "short")], "text/plain")
    ]


def test_what_is_shown_is_chosen_by_options(service: Service) -> None:
    shell("b1", "--run", "r1", "--details", "none", "--action", "update", "--action", "delete")
    assert sorted(service.asked[0][1]) == [
        ("action", "delete"),
        ("action", "update"),
        ("details", "none"),
        ("run", "r1"),
    ]
    assert shell("b1", "--details", "some")[0] == 2


@pytest.mark.parametrize(("option", "media_type"), [("--json", "application/json"), ("--csv", "text/csv")])
def test_other_forms_are_passed_on_byte_by_byte(service: Service, option: str, media_type: str) -> None:
    service.body = b'row,\r\n"\xc3\xa9"\r\n'
    done = CliRunner().invoke(app, ["plan", "b1", option, "--action", "update"])
    assert (done.exit_code, done.stdout_bytes) == (0, service.body)
    assert service.asked == [
        ("/api/haplo-data-import-batch/batch/b1/plan", [("action", "update")], media_type)
    ]
    assert shell("b1", "--json", "--csv") == (1, "", "--json and --csv: choose one of them.\n")


def test_what_the_service_refuses_is_told(service: Service) -> None:
    service.status, service.body = 409, b"No plan is complete yet.\n"
    assert shell("b1") == (1, "", "No plan is complete yet.\n")


# --- on a terminal ------------------------------------------------------------------------------


def on_terminal(*words: str, **environment: str) -> tuple[int, str]:
    """Exit code and what a terminal of 70 columns was sent."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "service.cli", "plan", *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "TERM": "xterm-256color",
            "COLUMNS": "70",
            "PYTHONIOENCODING": "utf-8",
            **environment,
        },
    )
    os.close(theirs)
    sent = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not piece:
            break
        sent += piece
    os.close(ours)
    return process.wait(), sent.decode().replace("\r\n", "\n")


COLOURED = """\x1b[1mPlan of a dry run (run r1)\x1b[0m
\x1b[1m2 records: 1 to update, 1 to create.\x1b[0m

\x1b[1mTo update (1)\x1b[0m

\x1b[33m~ works.csv:2 [Ä1] item 4701\x1b[0m
    dcterms:title: Old → New
    dcterms:subject:
      Oak → Ash
\x1b[31m      - Elm\x1b[0m
\x1b[35m    ! dcterms:title: somebody edited it.\x1b[0m

\x1b[1mTo create (1)\x1b[0m

\x1b[32m+ works.csv:3 item\x1b[0m
    dcterms:title: [bold]One[/bold] :smile:
"""


@pytest.mark.slow
def test_a_terminal_gets_colours_its_own_width_and_a_pager(service: Service, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho paged by $LESS $1\ncat\n", encoding="utf-8")
    pager.chmod(0o755)
    assert on_terminal("b1", PAGER=f"{pager} -x") == (0, f"paged by FRX -x\n{COLOURED}")
    assert dict(service.asked[0][1]) == {"details": "short", "width": "70"}


@pytest.mark.slow
@pytest.mark.parametrize("pager", ["cat", "", "no-such-pager"])
def test_without_a_pager_the_terminal_gets_it_at_once(service: Service, pager: str) -> None:
    assert on_terminal("b1", PAGER=pager) == (0, COLOURED)


@pytest.mark.slow
def test_who_wants_no_colour_gets_none(service: Service) -> None:
    assert on_terminal("b1", PAGER="cat", NO_COLOR="1", TERM="dumb") == (0, PLAN)


@pytest.mark.slow
def test_a_reader_who_has_seen_enough_leaves_the_pager(service: Service) -> None:
    service.body = PLAN.encode() * 5000
    code, shown = on_terminal("b1", PAGER="head -n 1")
    assert (code, shown) == (0, COLOURED.split("\n")[0] + "\n")


@pytest.mark.slow
def test_a_refusal_reaches_no_pager(service: Service) -> None:
    service.status, service.body = 404, b"Batch not found: b1\n"
    assert on_terminal("b1", PAGER="echo paged") == (1, "Batch not found: b1\n")


# --- lines --------------------------------------------------------------------------------------


def test_lines_are_whole_wherever_the_pieces_are_cut() -> None:
    data = "é\n\n→ a\u2028b\nend".encode()
    for size in range(1, len(data) + 1):
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        assert list(lines(pieces)) == ["é", "", "→ a\u2028b", "end"]


@pytest.mark.parametrize(
    ("line", "style"),
    [
        ("To update (20)", "bold"),
        ("~ works.csv:2 item 4", "yellow"),
        ("+ works.csv:2 item", "green"),
        ("- [A1] item 4", "red"),
        ("! works.csv:2", "bold red"),
        ("= works.csv:2 item 4", "dim"),
        (". works.csv:2 item 4", "dim"),
        ("    dcterms:title: + New", "green"),
        ("    dcterms:title: - Old", "red"),
        ("      + New", "green"),
        ("      - Old", "red"),
        ("    dcterms:title: Old → New: + and - more", ""),
        ("        wrapped: + text", ""),
        ("    ! Look here.", "magenta"),
        ("  dcterms:title  2 changed", ""),
        ("", "bold"),
    ],
)
def test_a_line_looks_like_what_it_says(line: str, style: str) -> None:
    assert style_of(line) == style
