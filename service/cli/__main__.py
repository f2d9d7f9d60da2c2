"""`python -m service.cli …`: the same as `accession …`, for processes that start one another."""

from __future__ import annotations

from service.cli import app

if __name__ == "__main__":
    app(prog_name="accession")
