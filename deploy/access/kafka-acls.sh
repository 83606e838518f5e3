#!/usr/bin/env bash
# Tells Kafka who may do what. Written by `python -m motcua.access`; a test compares it with the code.
#
#   ./kafka-acls.sh --bootstrap-server kafka:9092 --command-config admin.properties
#
# Arguments are those of Kafka's own kafka-acls.sh, which must be on the PATH. The brokers need
# authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer. Users by
# certificate have other names, e.g. CN=sla: set PRINCIPAL='User:CN=%s'.
set -euo pipefail
name=${PRINCIPAL:-User:%s}

allow() {
  local user=$1
  shift
  # shellcheck disable=SC2059
  kafka-acls.sh "${arguments[@]}" --add --allow-principal "$(printf "$name" "$user")" "$@"
}
arguments=("$@")

# intake
allow intake --operation Read \
  --group intake:citizen.contacts \
  --group intake:dossier.events
allow intake --operation Describe --operation DescribeConfigs --operation Read --operation Write \
  --topic citizen.contacts \
  --topic dossier.events
allow intake --operation Describe --operation DescribeConfigs --operation Write \
  --topic city.audit \
  --topic intake.dead-letters
allow intake --operation Describe --operation DescribeConfigs \
  --topic city.rules \
  --topic notification.events \
  --topic notify.dead-letters \
  --topic routing.dead-letters \
  --topic sla.dead-letters \
  --topic unit.alerts

# routing
allow routing --operation Read \
  --group routing:dossier.events
allow routing --operation Describe --operation DescribeConfigs \
  --topic citizen.contacts \
  --topic city.rules \
  --topic intake.dead-letters \
  --topic notification.events \
  --topic notify.dead-letters \
  --topic sla.dead-letters \
  --topic unit.alerts
allow routing --operation Describe --operation DescribeConfigs --operation Write \
  --topic city.audit \
  --topic routing.dead-letters
allow routing --operation Describe --operation DescribeConfigs --operation Read --operation Write \
  --topic dossier.events
allow routing --operation Describe --operation Write \
  --transactional-id motcua-authority

# sla
allow sla --operation Read \
  --group sla:dossier.events
allow sla --operation Describe --operation DescribeConfigs \
  --topic citizen.contacts \
  --topic city.rules \
  --topic intake.dead-letters \
  --topic notification.events \
  --topic notify.dead-letters \
  --topic routing.dead-letters \
  --topic unit.alerts
allow sla --operation Describe --operation DescribeConfigs --operation Write \
  --topic city.audit \
  --topic sla.dead-letters
allow sla --operation Describe --operation DescribeConfigs --operation Read --operation Write \
  --topic dossier.events

# notify
allow notify --operation Read \
  --group notify:citizen.contacts \
  --group notify:dossier.events \
  --group notify:notification.events \
  --group notify:unit.alerts
allow notify --operation Describe --operation DescribeConfigs --operation Read \
  --topic citizen.contacts
allow notify --operation Describe --operation DescribeConfigs --operation Write \
  --topic city.audit \
  --topic notify.dead-letters
allow notify --operation Describe --operation DescribeConfigs \
  --topic city.rules \
  --topic intake.dead-letters \
  --topic routing.dead-letters \
  --topic sla.dead-letters
allow notify --operation Describe --operation DescribeConfigs --operation Read --operation Write \
  --topic dossier.events \
  --topic notification.events \
  --topic unit.alerts

# page
allow page --operation Describe --operation DescribeConfigs \
  --topic citizen.contacts \
  --topic city.rules \
  --topic intake.dead-letters \
  --topic notification.events \
  --topic notify.dead-letters \
  --topic routing.dead-letters \
  --topic sla.dead-letters \
  --topic unit.alerts
allow page --operation Describe --operation DescribeConfigs --operation Write \
  --topic city.audit \
  --topic dossier.events

# operator
allow operator --operation Describe \
  --group intake:citizen.contacts \
  --group intake:dossier.events \
  --group notify:citizen.contacts \
  --group notify:dossier.events \
  --group notify:notification.events \
  --group notify:unit.alerts \
  --group routing:dossier.events \
  --group sla:dossier.events
allow operator --operation Create --operation Describe --operation DescribeConfigs --operation Read --operation Write \
  --topic citizen.contacts \
  --topic city.rules \
  --topic dossier.events \
  --topic notification.events \
  --topic unit.alerts
allow operator --operation Create --operation Describe --operation DescribeConfigs --operation Write \
  --topic city.audit
allow operator --operation Create --operation Describe --operation DescribeConfigs --operation Read \
  --topic intake.dead-letters \
  --topic notify.dead-letters \
  --topic routing.dead-letters \
  --topic sla.dead-letters
allow operator --operation Describe --operation Write \
  --transactional-id motcua-rules

# auditor
allow auditor --operation Read \
  --group auditor:city.audit
allow auditor --operation Describe --operation DescribeConfigs --operation Read --operation Write \
  --topic city.audit
