"""Imports while everything dies around them, drawn from a seed: `scripts/chaos`."""
