"""The engine, and what every service shares of it. This is the package's only public module.

Services and the command line import from here and from nowhere deeper. A name is loaded when it is
first asked for: importing a decider's interface loads no web framework and no driver.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.runtime.access import AccessWrong as AccessWrong
    from services.runtime.audit.audit import Audit as Audit
    from services.runtime.audit.audit import NotAudited as NotAudited
    from services.runtime.audit.commands import tell_audit as tell_audit
    from services.runtime.audit.kinds import AuditKind as AuditKind
    from services.runtime.audit.link import AuditEntry as AuditEntry
    from services.runtime.core.decider import Decider as Decider
    from services.runtime.core.decider import NoReactions as NoReactions
    from services.runtime.core.decider import NoRequests as NoRequests
    from services.runtime.core.decider import NoTimers as NoTimers
    from services.runtime.core.decider import Timer as Timer
    from services.runtime.core.grants import NO_GRANTS as NO_GRANTS
    from services.runtime.core.grants import Grant as Grant
    from services.runtime.core.grants import Grants as Grants
    from services.runtime.core.grants import folded as folded
    from services.runtime.core.in_memory import InMemory as InMemory
    from services.runtime.core.in_memory import key_of as key_of
    from services.runtime.core.reader import Killed as Killed
    from services.runtime.core.reader import Log as Log
    from services.runtime.core.reader import Reader as Reader
    from services.runtime.core.reader import SaidOtherwise as SaidOtherwise
    from services.runtime.core.reader import is_broadcast as is_broadcast
    from services.runtime.core.state_hash import state_hash as state_hash
    from services.runtime.core.stored import Stored as Stored
    from services.runtime.core.stored import state_of as state_of
    from services.runtime.core.world import World as World
    from services.runtime.core.world import first_world as first_world
    from services.runtime.core.world import widened as widened
    from services.runtime.folded_anew import ServiceCheck as ServiceCheck
    from services.runtime.folded_anew import check_service as check_service
    from services.runtime.http.answers import CHANGES as CHANGES
    from services.runtime.http.answers import UNKNOWN as UNKNOWN
    from services.runtime.http.answers import Answered as Answered
    from services.runtime.http.answers import Answers as Answers
    from services.runtime.http.answers import Json as Json
    from services.runtime.http.answers import described as described
    from services.runtime.http.answers import failing as failing
    from services.runtime.http.audited import unaudited as unaudited
    from services.runtime.http.caller import key_owner as key_owner
    from services.runtime.http.client_address import client_address as client_address
    from services.runtime.http.door import Doors as Doors
    from services.runtime.http.door import current_actor as current_actor
    from services.runtime.http.door import current_caller as current_caller
    from services.runtime.http.door import not_permitted as not_permitted
    from services.runtime.http.limits import takes as takes
    from services.runtime.http.noted import ask_audited as ask_audited
    from services.runtime.http.noted import note as note
    from services.runtime.http.problem import Problem as Problem
    from services.runtime.http.problem import invalid_field as invalid_field
    from services.runtime.http.problem import unavailable as unavailable
    from services.runtime.http.query_time import counts_for as counts_for
    from services.runtime.http.request_routes import At as At
    from services.runtime.http.request_routes import IdempotencyKey as IdempotencyKey
    from services.runtime.http.request_routes import RequestRoutes as RequestRoutes
    from services.runtime.http.requests import Requests as Requests
    from services.runtime.http.requests import key_reused as key_reused
    from services.runtime.http.typed_text import Typed as Typed
    from services.runtime.kafka.access import KafkaAccess as KafkaAccess
    from services.runtime.kafka.access import Mechanism as Mechanism
    from services.runtime.kafka.access import Protocol as Protocol
    from services.runtime.kafka.access import kafka_access as kafka_access
    from services.runtime.kafka.authority import AUTHORITY_TRANSACTION as AUTHORITY_TRANSACTION
    from services.runtime.kafka.authority import authority_event as authority_event
    from services.runtime.kafka.authority import tell_authority as tell_authority
    from services.runtime.kafka.broadcast import ShutOut as ShutOut
    from services.runtime.kafka.clients import AIOKAFKA as AIOKAFKA
    from services.runtime.kafka.clients import Clients as Clients
    from services.runtime.kafka.clients import clients_with as clients_with
    from services.runtime.kafka.enactment import RULES_TRANSACTION as RULES_TRANSACTION
    from services.runtime.kafka.enactment import NotEnacted as NotEnacted
    from services.runtime.kafka.enactment import enact as enact
    from services.runtime.kafka.enactment import enacted_sets as enacted_sets
    from services.runtime.kafka.group_writer import GroupWriter as GroupWriter
    from services.runtime.kafka.merged_log import read_merged as read_merged
    from services.runtime.kafka.offsets import Offsets as Offsets
    from services.runtime.kafka.producer import EventProducer as EventProducer
    from services.runtime.kafka.producer import partition_of as partition_of
    from services.runtime.kafka.topics import TopicsWrong as TopicsWrong
    from services.runtime.kafka.topics import check_topics as check_topics
    from services.runtime.kafka.topics import create_topics as create_topics
    from services.runtime.logging import configure as configure
    from services.runtime.loop.clock import BEGINNING as BEGINNING
    from services.runtime.loop.clock import Clock as Clock
    from services.runtime.loop.clock import StreamClock as StreamClock
    from services.runtime.loop.clock import WallClock as WallClock
    from services.runtime.loop.clock import wall_clock as wall_clock
    from services.runtime.loop.consumer import group_of as group_of
    from services.runtime.loop.engine import Engine as Engine
    from services.runtime.loop.faults import Faults as Faults
    from services.runtime.loop.faults import Point as Point
    from services.runtime.mongo.access import MongoAccess as MongoAccess
    from services.runtime.mongo.access import mongo_access as mongo_access
    from services.runtime.mongo.client import Client as Client
    from services.runtime.mongo.client import Collection as Collection
    from services.runtime.mongo.client import Database as Database
    from services.runtime.mongo.client import Document as Document
    from services.runtime.mongo.client import aggregate as aggregate
    from services.runtime.mongo.client import client as client
    from services.runtime.mongo.partitions import Partitions as Partitions
    from services.runtime.mongo.partitions import note_authority as note_authority
    from services.runtime.mongo.partitions import read_world as read_world
    from services.runtime.mongo.store import Store as Store
    from services.runtime.patience import patiently as patiently
    from services.runtime.process import run as run
    from services.runtime.refusal import CannotStart as CannotStart
    from services.runtime.refusal import SettingsWrong as SettingsWrong
    from services.runtime.service import Beside as Beside
    from services.runtime.service import Running as Running
    from services.runtime.service import Service as Service
    from services.runtime.settings import ClockKind as ClockKind
    from services.runtime.settings import Settings as Settings
    from services.runtime.settings import how_set as how_set
    from services.runtime.settings import settings_told as settings_told
    from services.runtime.signin.verifier import Caller as Caller
    from services.runtime.signin.verifier import Verifier as Verifier
    from services.runtime.supervised import Supervised as Supervised
    from services.runtime.transient import REFUSED_RECORD as REFUSED_RECORD
    from services.runtime.transient import is_transient as is_transient
    from services.runtime.wiring import app_of as app_of
    from services.runtime.wiring import make_running as make_running


def _homes() -> dict[str, str]:
    """Return the module of each name, read from the imports above, which type checkers see."""
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    return {
        name.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module is not None
        for name in node.names
    }


_HOMES = _homes()


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
