"""Every object of the Kubernetes base is what the supported versions of Kubernetes take."""

from __future__ import annotations

import copy
from typing import Any

import kubernetes_validate
import pytest
from kubernetes_validate.utils import all_versions

from tests.support.manifests import named, objects

SUPPORTED = list(dict.fromkeys(all_versions()))[-3:]
"""Kubernetes itself supports its last three minor versions."""


def _id(value: Any) -> str:
    return f"{value['kind']}-{value['metadata']['name']}" if isinstance(value, dict) else value


@pytest.mark.parametrize("version", SUPPORTED)
@pytest.mark.parametrize("described", list(objects()), ids=_id)
def test_an_object_is_as_its_schema_has_it(described: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(described, version, strict=True)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "replica"), 2),
        (("spec", "replicas"), "two"),
        (("spec", "template", "spec", "containers", 0, "port"), []),
        (("spec", "template", "spec", "containers", 0, "resources", "limits"), "256Mi"),
    ],
)
def test_a_fault_is_found(path: tuple[str | int, ...], value: Any) -> None:
    node: Any = copy.deepcopy(named("Deployment", "notify"))
    broken = node
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, SUPPORTED[-1], strict=True)
