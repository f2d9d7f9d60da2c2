"""Stand-ins against recorded exchanges, and our own API against its description."""
