"""Each connection that is needed is allowed, and no other; the world sees the status page alone."""

from __future__ import annotations

from itertools import product

import pytest

from contracts.wire.topics import PAGE, SERVICES
from deploy.local.stack.city import PROCESSES
from services.runtime.http.openapi import OPERATION
from tests.support.documented import documented
from tests.support.manifests import PORT, named, template
from tests.support.network import End, allowed


def _pod(name: str) -> End:
    return End(template(name)["metadata"]["labels"])


def _other(name: str, namespace: str) -> End:
    return End({"app.kubernetes.io/name": name}, namespace)


COMMANDS = ("topics", "audit", "audit-anchor")
"""What runs beside the services, and needs no database."""
ENDS = {
    **{name: _pod(name) for name in (*PROCESSES, *COMMANDS)},
    "prometheus": _other("prometheus", "monitoring"),
    "grafana": _other("grafana", "monitoring"),
    "the ingress": _other("ingress-nginx", "ingress-nginx"),
    "the officers' proxy": _other("access-proxy", "motcua"),
    "another's proxy": _other("access-proxy", "elsewhere"),
    "the provider": _other("keycloak", "identity"),
    "another's provider": _other("keycloak", "elsewhere"),
    "somebody here": _other("shell", "motcua"),
    "somebody elsewhere": _other("shell", "default"),
    "kafka": _other("kafka", "kafka"),
    "kafka here": _other("kafka", "motcua"),
    "kafka outside": End(address="10.2.3.4"),
    "mongo": _other("mongo", "mongo"),
    "dns": End({"k8s-app": "kube-dns"}, "kube-system"),
    "a collector": End(address="10.2.3.6"),
    "a mail server": End(address="10.2.3.5"),
    "a gateway": End(address="203.0.113.9"),
    "a portal": End(address="2001:4860:4860::8888"),
    "the city's network": End(address="192.168.7.7"),
    "a neighbour": End(address="fd00::7"),
    "the cloud's secrets": End(address="169.254.169.254"),
}
OUR_PODS = {*PROCESSES, *COMMANDS}
PORTS = {PORT, 22, 25, 53, 80, 443, 465, 587, 6443, 6514, 8443, 9092, 27017}
NEEDED = {
    *product(OUR_PODS, ("kafka", "kafka here", "kafka outside"), (9092,)),
    *product(OUR_PODS, ("dns",), (53,)),
    *product(PROCESSES, ("mongo",), (27017,)),
    *product(("notify",), ("a mail server",), (25, 465, 587)),
    *product(("notify",), ("a gateway", "a portal"), (443,)),
    *product(SERVICES, ("the provider",), (8443,)),
    *product(("audit",), ("a collector",), (6514,)),
    *product(("prometheus", "the officers' proxy"), SERVICES, (PORT,)),
    *product(("prometheus",), (PAGE, "audit"), (PORT,)),
    ("the ingress", PAGE, PORT),
}
BY_PORT_ALONE = {9092, 27017, 25, 465, 587, 6514}
"""Where the base does not know the other end: whoever has it open is reached by those who may."""


@pytest.mark.parametrize(("source", "target", "port"), sorted(NEEDED))
def test_what_is_needed_is_allowed(source: str, target: str, port: int) -> None:
    assert allowed(ENDS[source], ENDS[target], port)


def test_nothing_else_is_allowed() -> None:
    may = {
        (source, target, port)
        for source, target, port in product(ENDS, ENDS, PORTS)
        if source != target
        and (source in OUR_PODS or target in OUR_PODS)
        and allowed(ENDS[source], ENDS[target], port)
    }
    more = {each for each in may - NEEDED if each[2] not in BY_PORT_ALONE}
    assert more == set()
    # By port alone, too, only those reach out who need it, and none of ours is reached.
    by_port = {(source, port) for source, _, port in may if port in BY_PORT_ALONE}
    assert by_port == {
        *product(OUR_PODS, (9092,)),
        *product(PROCESSES, (27017,)),
        ("audit", 6514),
        *product(("notify",), (25, 465, 587)),
    }
    assert not {target for _, target, port in may if port in BY_PORT_ALONE} & OUR_PODS


def test_names_are_asked_over_udp_too() -> None:
    for name in OUR_PODS:
        assert allowed(ENDS[name], ENDS["dns"], 53, "UDP")
        assert not allowed(ENDS[name], ENDS["a gateway"], 53, "UDP")


def _published(path: str) -> bool:
    """Whether the Ingress passes a path on, as Kubernetes matches paths."""
    (rule,) = named("Ingress", "citizens")["spec"]["rules"]
    found = rule["http"]["paths"]
    return any(
        path == each["path"]
        if each["pathType"] == "Exact"
        else f"{path}/".startswith(f"{each['path']}/")
        for each in found
    )


def test_the_world_sees_the_status_page_and_nothing_else() -> None:
    shown = {path for path in documented(PAGE).paths if _published(path)}
    pages = {
        path
        for path, operations in documented(PAGE).paths.items()
        if all(operation["tags"] == ["status page"] for operation in operations.values())
    }
    assert shown == pages
    assert {"/", "/status/{code}", "/letter/{code}", "/page/{name}"} <= pages
    assert not any(
        _published(path) for path in (*OPERATION, "/docs", "/openapi.json", "/receipts/sms")
    )


def test_the_page_s_proxy_is_told_of_and_keeps_keys_out_of_its_log() -> None:
    ingress = named("Ingress", "citizens")
    for path in ingress["spec"]["rules"][0]["http"]["paths"]:
        assert path["backend"] == {"service": {"name": PAGE, "port": {"name": "http"}}}
    assert named("Service", PAGE)["spec"]["ports"][0]["name"] == "http"
    annotations = ingress["metadata"]["annotations"]
    assert annotations["nginx.ingress.kubernetes.io/enable-access-log"] == "false"
    (tls,) = ingress["spec"]["tls"]
    assert tls["hosts"] == [rule["host"] for rule in ingress["spec"]["rules"]]
    assert named("ConfigMap", PAGE)["data"]["MOTCUA_TRUSTED_PROXIES"] == "1"
