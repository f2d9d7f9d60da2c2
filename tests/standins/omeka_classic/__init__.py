"""A stand-in Omeka Classic: a real HTTP server that answers as a recorded Omeka Classic 3.2.1 did."""

from .handle import StandIn, UserKey
from .knobs import Knobs

__all__ = ["Knobs", "StandIn", "UserKey"]
