"""A stand-in Omeka S: a real HTTP server that answers as a recorded Omeka S 4.2.0 did."""

from .handle import StandIn, UserKey
from .knobs import Knobs

__all__ = ["Knobs", "StandIn", "UserKey"]
