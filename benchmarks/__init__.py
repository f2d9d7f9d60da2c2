"""How fast it is, as ratios: ours beside what could be had at best, interleaved in one run.

`python -m benchmarks [upload mapping creating planning] [--quick] [--json FILE]`, or `scripts/bench`. What
each measures, and how to read the table, stands in `docs/performance.md`.
"""
