"""Recorded exchanges with an Omeka S 4.2.0, and what it takes to repeat them against the stand-in."""
