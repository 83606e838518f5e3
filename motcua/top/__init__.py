"""The live view of a running city, from what its services say at ``/metrics``."""

from motcua.top.address import Address
from motcua.top.view import view
from motcua.top.watch import Watch

__all__ = ["Address", "Watch", "view"]
