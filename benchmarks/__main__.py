"""`python -m benchmarks [uploads mapping creating planning] [--quick] [--json FILE]`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks import creating, mapping, planning, uploads
from benchmarks.measuring import Bench, Row
from benchmarks.table import as_document, print_table

BENCHMARKS: dict[str, Callable[[Bench], list[Row]]] = {
    "uploads": uploads.measure,
    "mapping": mapping.measure,
    "creating": creating.measure,
    "planning": planning.measure,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the named benchmarks, or all, and print the table. 1: one of them could not be carried out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast it is, as ratios.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all if none")
    parser.add_argument("--quick", action="store_true", help="smaller and fewer: two minutes or so")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything measured there")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in BENCHMARKS]:
        parser.error(f"{', '.join(unknown)}: there are {', '.join(BENCHMARKS)}")
    rows: list[Row] = []
    failed = False
    for name in given.names or BENCHMARKS:
        print(f"{name} …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="accession-bench-") as folder:
            _forget_settings(Path(folder))
            try:
                rows += BENCHMARKS[name](Bench("quick" if given.quick else "full", Path(folder)))
            except Exception:
                # What the others measured took minutes: it is shown all the same.
                traceback.print_exc()
                failed = True
    print_table(rows)
    if given.json is not None:
        document = {"quick": given.quick, **_machine(), "rows": as_document(rows)}
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(document)))
    return 1 if failed else 0


def _forget_settings(folder: Path) -> None:
    """Settings of the machine do not reach what is measured."""
    for name in [name for name in os.environ if name.startswith(("ACCESSION_", "OMEKA_"))]:
        del os.environ[name]
    nothing = folder / "accession.toml"
    nothing.touch()
    os.environ["ACCESSION_CONFIG"] = str(nothing)


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


if __name__ == "__main__":
    sys.exit(main())
