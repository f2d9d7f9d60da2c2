"""Servers on loopback that answer as real Omekas were recorded to answer, and a proxy that makes faults."""
