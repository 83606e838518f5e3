"""The manifests as data, and what a container is told by them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.support.paths import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load(
    (KUBERNETES / "kustomization.yaml").read_text(encoding="utf-8")
)
COMPOSE: dict[str, Any] = yaml.safe_load(
    (ROOT / "deploy" / "compose" / "compose.yaml").read_text(encoding="utf-8")
)
GATEWAY: dict[str, Any] = yaml.safe_load(
    (ROOT / "deploy" / "compose" / "gateway.yaml").read_text(encoding="utf-8")
)
TRIAL: dict[str, Any] = yaml.safe_load(
    (ROOT / "deploy" / "compose" / "trial.yaml").read_text(encoding="utf-8")
)
PORT = 8000


def objects(kind: str | None = None) -> Iterator[dict[str, Any]]:
    """The objects of the Kubernetes base."""
    for resource in KUSTOMIZATION["resources"]:
        for found in yaml.safe_load_all((KUBERNETES / resource).read_text(encoding="utf-8")):
            if kind is None or found["kind"] == kind:
                yield found


def named(kind: str, name: str) -> dict[str, Any]:
    """The one object of that kind and name."""
    found = [o for o in objects(kind) if o["metadata"]["name"] == name]
    assert len(found) == 1, f"{kind} {name}"
    return found[0]


def template(name: str) -> dict[str, Any]:
    """What a service's pods, or those of a job, are made by."""
    if name == "audit-anchor":
        made: dict[str, Any] = named("CronJob", name)["spec"]["jobTemplate"]["spec"]["template"]
    else:
        made = named("Job" if name == "topics" else "Deployment", name)["spec"]["template"]
    return made


def pod(name: str) -> dict[str, Any]:
    """A service's pod, or that of a job."""
    spec: dict[str, Any] = template(name)["spec"]
    return spec


def container(name: str) -> dict[str, Any]:
    """Its one container."""
    containers: list[dict[str, Any]] = pod(name)["containers"]
    assert len(containers) == 1
    return containers[0]


def shared(name: str) -> dict[str, str]:
    """What a pod is told by its ConfigMaps."""
    told: dict[str, str] = {}
    for source in container(name)["envFrom"]:
        if "secretRef" in source:
            continue  # who a service is at broker and database: optional, and not in the base
        told |= named("ConfigMap", source["configMapRef"]["name"])["data"]
    return told


def pod_told(name: str, secrets: Mapping[str, str]) -> dict[str, str]:
    """A pod's environment where the Secret has these keys. Raises KeyError if it needs others."""
    told = shared(name)
    for entry in container(name)["env"]:
        if "value" in entry:
            told[entry["name"]] = entry["value"]
            continue
        source = entry["valueFrom"]["secretKeyRef"]
        assert source["name"] == "motcua"
        if not source.get("optional") or source["key"] in secrets:
            told[entry["name"]] = secrets[source["key"]]
    return told


def compose_told(environment: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, str]:
    """A container's environment where the shell has these variables."""

    def chosen(found: re.Match[str]) -> str:
        name, how, other = found.groups()
        there = variables.get(name, "")
        return (other if there else "") if how == "+" else there or other or ""

    told: dict[str, str] = {}
    for name, value in environment.items():
        if value is not None:
            told[name] = re.sub(r"\$\{(\w+)(?::([-+])([^}]*))?\}", chosen, str(value))
        elif name in variables:
            told[name] = variables[name]
    return told
