"""Inputs that break importers, each with exactly what a person is told."""
