"""Recorded exchanges with Omeka Classic 3.2.1, and what it takes to repeat them against the stand-in."""
