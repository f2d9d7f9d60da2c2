"""Run a stand-in Omeka Classic: ``python -m tests.standins.omeka_classic --port 8181``."""

from __future__ import annotations

import argparse

import msgspec

from tests.standins.shared import serving

from .control import ensure_super
from .database import Database
from .knobs import Knobs
from .server import Server


def main() -> None:
    """Parse the arguments and serve until a signal."""
    arguments = _parse()
    if arguments.die_with_parent:
        serving.die_with_parent()
    knobs = msgspec.json.decode(arguments.knobs, type=Knobs)
    if arguments.delay_ms is not None:
        knobs.delay_ms = arguments.delay_ms
    if arguments.workers is not None:
        knobs.workers = arguments.workers
    database = Database(*serving.stores(arguments.database))
    database.clock = knobs.clock
    key = ensure_super(database, arguments.key)
    database.commit()
    machine: bool = arguments.die_with_parent
    serving.serve(Server(database, knobs), arguments.port, lambda url: _announce(url, key, machine=machine))


def _parse() -> argparse.Namespace:
    parser = serving.parser("omeka-classic", __doc__)
    parser.add_argument("--key", help="the super user's key (default: a new one)")
    return parser.parse_args()


def _announce(url: str, key: str, *, machine: bool) -> None:
    if machine:
        print(msgspec.json.encode([url, key]).decode(), flush=True)
        return
    print(
        f"A stand-in Omeka Classic listens at {url} (not a real Omeka: it answers as one was recorded to).\n"
        f"Items are shown at {url}/ and its API is {url}/api.\n\n"
        "Point Accession at it with\n"
        f"  export OMEKA_URL={url}\n"
        f"  export OMEKA_KEY={key}",
        flush=True,
    )


if __name__ == "__main__":
    main()
