"""What NetworkPolicies allow, as Kubernetes has it: a connection needs both ends' consent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

from tests.support.manifests import objects

OURS = "motcua"
"""The namespace that the kustomization puts everything into."""


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod, or with an address whatever is outside of the cluster."""

    labels: Mapping[str, str] = field(default_factory=dict)
    namespace: str = OURS
    address: str | None = None


def allowed(source: End, target: End, port: int, protocol: str = "TCP") -> bool:
    """Whether the base's policies let the source connect to that port of the target."""
    return _consents(source, target, "Egress", port, protocol) and _consents(
        target, source, "Ingress", port, protocol
    )


def _consents(end: End, other: End, direction: str, port: int, protocol: str) -> bool:
    policies = list(_of(end, direction))
    if not policies:
        return True  # whom no policy selects is open
    kind, peers = direction.lower(), "to" if direction == "Egress" else "from"
    return any(
        _has_port(rule, port, protocol)
        and (peers not in rule or any(_is(peer, other) for peer in rule[peers]))
        for policy in policies
        for rule in policy["spec"].get(kind, ())
    )


def _of(end: End, direction: str) -> Iterator[dict[str, Any]]:
    if end.namespace != OURS or end.address is not None:
        return
    for policy in _policies():
        spec = policy["spec"]
        if direction in spec["policyTypes"] and _selects(spec["podSelector"], end.labels):
            yield policy


@cache
def _policies() -> list[dict[str, Any]]:
    return list(objects("NetworkPolicy"))


def _has_port(rule: dict[str, Any], port: int, protocol: str) -> bool:
    if "ports" not in rule:
        return True
    return any((each["port"], each["protocol"]) == (port, protocol) for each in rule["ports"])


def _is(peer: dict[str, Any], end: End) -> bool:
    if "ipBlock" in peer:
        if end.address is None:
            return False
        address, block = ip_address(end.address), peer["ipBlock"]
        return address in ip_network(block["cidr"]) and not any(
            address in ip_network(each) for each in block.get("except", ())
        )
    if end.address is not None:
        return False
    if "namespaceSelector" in peer:
        name = {"kubernetes.io/metadata.name": end.namespace}
        if not _selects(peer["namespaceSelector"], name):
            return False
    elif end.namespace != OURS:
        return False
    return _selects(peer.get("podSelector", {}), end.labels)


def _selects(selector: dict[str, Any], labels: Mapping[str, str]) -> bool:
    for expression in selector.get("matchExpressions", ()):
        assert expression["operator"] == "In"
        if labels.get(expression["key"]) not in expression["values"]:
            return False
    return all(labels.get(k) == v for k, v in selector.get("matchLabels", {}).items())
