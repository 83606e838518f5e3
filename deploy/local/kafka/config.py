"""The configuration files of the one local Kafka node."""

from __future__ import annotations

from pathlib import Path

from deploy.local.host.part import Ports
from deploy.local.secured.certificates import write_secret
from deploy.local.secured.secured import ADMIN, BROKER, MECHANISM, Secured

NODE_ID = 1

_BROKER = """\
# Written at every start; change deploy/local/kafka/config.py instead.
process.roles=broker,controller
node.id={node}
controller.quorum.voters={node}@127.0.0.1:{controller}
listeners=CLIENTS://127.0.0.1:{kafka},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENTS://127.0.0.1:{kafka}
inter.broker.listener.name=CLIENTS
controller.listener.names=CONTROLLER
log.dirs={data}

# Topics are made explicitly, never by a typing mistake.
auto.create.topics.enable=false
delete.topic.enable=true

# One node: one replica of everything, and few partitions of what Kafka keeps for itself.
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1

# The log is the truth: nothing ages out of it, nor out of the offsets (minutes: ten years).
log.retention.ms=-1
offsets.retention.minutes=5256000

# A consumer group begins at once instead of waiting for more members.
group.initial.rebalance.delay.ms=0
# A drill may let a killed consumer be given up sooner than the default of 6 s.
group.min.session.timeout.ms=500
# A killed broker may register again soon (milliseconds; Kafka's default is 9 s).
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=250
# The cleaner takes this much of the heap at its start; the default of 128 MiB is a quarter of it.
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
"""

_OPEN = """\
listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT
"""

_SECURED = """\
listener.security.protocol.map=CLIENTS:SASL_SSL,CONTROLLER:SSL
sasl.enabled.mechanisms={mechanism}
sasl.mechanism.inter.broker.protocol={mechanism}
listener.name.clients.{login}.sasl.jaas.config={module} required \\
  username="{broker}" password="{password}";
ssl.keystore.type=PEM
ssl.keystore.location={certificate}
ssl.truststore.type=PEM
ssl.truststore.location={ca}
listener.name.controller.ssl.client.auth=required
# Who was allowed nothing may do nothing; what each user is allowed stands in deploy/access.
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{admin};User:{broker};User:CN={broker}
"""

_LOGGING = """\
status=warn
name=motcua-local-kafka
appender.out.type=Console
appender.out.name=Out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{yyyy-MM-dd HH:mm:ss.SSS} %-5p %c{1.} - %m%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=Out
logger.start.name=kafka.server.KafkaRaftServer
logger.start.level=info
logger.broker.name=kafka.server.BrokerServer
logger.broker.level=info
logger.recovery.name=org.apache.kafka.storage.internals.log.LogManager
logger.recovery.level=info
# These repeat whole configurations, or warn of what is meant to be on one node.
logger.config.name=org.apache.kafka.common.config
logger.config.level=error
logger.utils.name=org.apache.kafka.common.utils.AppInfoParser
logger.utils.level=error
"""


def write_broker(path: Path, data: Path, ports: Ports, secured: Secured | None = None) -> None:
    """Write server.properties for a node that keeps its logs in `data`."""
    text = _BROKER.format(
        node=NODE_ID, kafka=ports["kafka"], controller=ports["controller"], data=data
    )
    if secured is None:
        path.write_text(text + _OPEN)
        return
    text += _SECURED.format(
        mechanism=MECHANISM,
        login=MECHANISM.lower(),
        module="org.apache.kafka.common.security.scram.ScramLoginModule",
        broker=BROKER,
        password=secured.password(BROKER),
        certificate=secured.broker,
        ca=secured.ca,
        admin=ADMIN,
    )
    write_secret(path, text.encode())


def write_logging(path: Path) -> None:
    """Write log4j2.properties: to standard output, warnings and the milestones of a start."""
    path.write_text(_LOGGING)
