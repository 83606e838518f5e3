"""Replay for developers: deciders in one process, and states compared by hash."""

from services.runtime.core.state_hash import state_hash as state_hash
from services.runtime.testing.inprocess import InProcess as InProcess
