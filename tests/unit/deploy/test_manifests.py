"""Compose, Kubernetes and the image agree with each other and with what the services serve."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.topics import SERVICES
from services.intake.settings import IntakeSettings
from services.notify.settings import NotifySettings
from services.runtime.http import make_app
from services.runtime.settings import Settings

ROOT = Path(__file__).parents[3]
KUBERNETES = ROOT / "deploy" / "kubernetes"
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(
    (ROOT / "deploy" / "compose" / "compose.yaml").read_text(encoding="utf-8")
)
KUSTOMIZATION: dict[str, Any] = yaml.safe_load(
    (KUBERNETES / "kustomization.yaml").read_text(encoding="utf-8")
)
_SETTINGS = {
    **dict.fromkeys(SERVICES, Settings),
    "intake": IntakeSettings,
    "notify": NotifySettings,
    "topics": Settings,
}
PORT = 8000


def _objects(kind: str | None = None) -> Iterator[dict[str, Any]]:
    for resource in KUSTOMIZATION["resources"]:
        for found in yaml.safe_load_all((KUBERNETES / resource).read_text(encoding="utf-8")):
            if kind is None or found["kind"] == kind:
                yield found


def _named(kind: str, name: str) -> dict[str, Any]:
    found = [o for o in _objects(kind) if o["metadata"]["name"] == name]
    assert len(found) == 1, f"{kind} {name}"
    return found[0]


def _pod(name: str) -> dict[str, Any]:
    kind = "Job" if name == "topics" else "Deployment"
    spec: dict[str, Any] = _named(kind, name)["spec"]["template"]["spec"]
    return spec


def _container(name: str) -> dict[str, Any]:
    containers: list[dict[str, Any]] = _pod(name)["containers"]
    assert len(containers) == 1
    return containers[0]


async def _health() -> dict[str, Any]:
    return {"status": "idle"}


def _variables(settings: type[Settings]) -> set[str]:
    return {f"MOTCUA_{field.upper()}" for field in settings.model_fields}


def test_every_file_of_the_base_is_in_the_kustomization() -> None:
    there = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert there == set(KUSTOMIZATION["resources"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_deployment_runs_the_service_and_a_budget_and_a_service_select_its_pods(
    name: str,
) -> None:
    deployment = _named("Deployment", name)
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert _container(name)["command"] == ["python", "-m", f"services.{name}"]
    assert (ROOT / "services" / name / "__main__.py").exists()
    wanted = deployment["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= labels.items()
    assert _named("PodDisruptionBudget", name)["spec"]["selector"]["matchLabels"] == wanted
    assert _named("Service", name)["spec"]["selector"] == wanted
    assert (
        deployment["spec"]["replicas"] > _named("PodDisruptionBudget", name)["spec"]["minAvailable"]
    )


@pytest.mark.parametrize("name", SERVICES)
def test_probes_and_scrapes_go_where_the_service_answers(name: str) -> None:
    container = _container(name)
    served = set(make_app(name, "", Settings(), _health, _health).openapi()["paths"])
    assert container["ports"] == [{"name": "http", "containerPort": PORT}]
    paths = {}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        get = container[probe]["httpGet"]
        assert get["port"] == "http"
        paths[probe] = get["path"]
    assert paths["livenessProbe"] == paths["startupProbe"] == "/health/live"
    assert paths["readinessProbe"] == "/health/ready"
    annotations = _named("Deployment", name)["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/scrape"] == "true"
    assert annotations["prometheus.io/port"] == str(PORT)
    assert {*paths.values(), annotations["prometheus.io/path"]} <= served
    assert _named("Service", name)["spec"]["ports"][0]["targetPort"] == "http"


@pytest.mark.parametrize("name", [*SERVICES, "topics"])
def test_a_pod_is_the_one_image_without_privileges_and_with_limits(name: str) -> None:
    pod, container = _pod(name), _container(name)
    (image,) = KUSTOMIZATION["images"]
    assert container["image"] == image["name"] == "motcua"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert image["newTag"] == project["version"]
    user = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    assert user is not None
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == int(user[1])
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["resources"]["limits"]["memory"] == "256Mi"


@pytest.mark.parametrize("name", SERVICES)
def test_a_pod_has_time_to_hand_its_partitions_over(name: str) -> None:
    assert _pod(name)["terminationGracePeriodSeconds"] == 45
    assert COMPOSE["services"][name]["stop_grace_period"] == "45s"


@pytest.mark.parametrize("name", [*SERVICES, "topics"])
def test_variables_are_settings_of_the_service(name: str) -> None:
    known = _variables(_SETTINGS[name])
    container = _container(name)
    own = {entry["name"] for entry in container.get("env", ())}
    assert own <= known
    assert set(COMPOSE["x-environment"]) <= known
    assert set(COMPOSE["services"][name]["environment"]) <= known
    shared = _named("ConfigMap", "motcua")["data"]
    assert set(shared) <= _variables(NotifySettings)
    assert all(isinstance(value, str) for value in shared.values())
    assert container["envFrom"] == [{"configMapRef": {"name": "motcua"}}]
    if name in ("intake", "notify"):
        assert "MOTCUA_MASTER_KEY" in own
    else:
        assert "MOTCUA_MASTER_KEY" not in own


def test_topics_are_made_by_the_command_line() -> None:
    command = ["motcua", "topics", "create"]
    assert _container("topics")["command"] == command
    assert COMPOSE["services"]["topics"]["command"] == command


@pytest.mark.parametrize("name", SERVICES)
def test_compose_runs_the_service_after_its_topics_and_where_prometheus_looks(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["command"] == ["python", "-m", f"services.{name}"]
    assert service["depends_on"] == {
        "topics": {"condition": "service_completed_successfully"},
        "mongo": {"condition": "service_healthy"},
    }
    assert service["mem_limit"] == "256m"
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert all(port.endswith(f":{PORT}") for port in service["ports"])
    prometheus = yaml.safe_load(
        (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    )
    job = next(job for job in prometheus["scrape_configs"] if job["job_name"] == "motcua")
    (found,) = job["dns_sd_configs"]
    assert name in found["names"]
    assert found["port"] == PORT


def test_images_are_pinned_and_what_compose_mounts_is_there() -> None:
    names = set()
    for name, service in COMPOSE["services"].items():
        image = service["image"]
        if not image.startswith("motcua:"):
            assert re.search(r":v?\d+\.\d+", image), f"{name}: {image}"
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / "deploy" / "compose" / source).exists(), source
            else:
                names.add(source)
    assert names == set(COMPOSE["volumes"])


def test_the_image_serves_where_everyone_looks_and_checks_itself() -> None:
    assert f"MOTCUA_PORT={PORT}" in DOCKERFILE
    assert "MOTCUA_HOST=0.0.0.0" in DOCKERFILE
    assert re.search(r"^HEALTHCHECK .*\\\n.*/health/live", DOCKERFILE, re.MULTILINE)
    assert "--require-hashes" in DOCKERFILE
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE))
    sources = {source for line in copied for source in line.split()}
    assert all((ROOT / source).exists() for source in sources)
    ignore = (ROOT / "deploy" / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert {f"!{source}" for source in sources} <= set(ignore)
