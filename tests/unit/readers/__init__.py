"""Readers, one by one."""
