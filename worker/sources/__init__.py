"""Whole Omekas as sources: read page by page, kept as they came, then put together as records."""
