"""Compose, Kubernetes and the image agree with each other and with what the services serve."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from contracts.wire.topics import PAGE
from deploy.local.stack.city import PROCESSES, module_of
from motcua.cli import build
from services.runtime.http.answers import Health
from services.runtime.http.app import make_app
from services.runtime.settings import Settings
from tests.support.health import healthy
from tests.support.http_app import ANYBODY
from tests.support.manifests import (
    COMPOSE,
    KUBERNETES,
    KUSTOMIZATION,
    PORT,
    TRIAL,
    compose_told,
    container,
    named,
    pod,
    template,
)
from tests.support.paths import ROOT

DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")


async def _health() -> Health:
    return healthy()


async def _reachable() -> bool:
    return True


def test_every_file_of_the_base_is_in_the_kustomization() -> None:
    there = {path.name for path in KUBERNETES.glob("*.yaml")} - {"kustomization.yaml"}
    assert there == set(KUSTOMIZATION["resources"])


@pytest.mark.parametrize("name", PROCESSES)
def test_a_deployment_runs_the_service_and_a_budget_and_a_service_select_its_pods(
    name: str,
) -> None:
    deployment = named("Deployment", name)
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert container(name)["command"] == ["python", "-m", module_of(name)]
    assert (ROOT / module_of(name).replace(".", "/") / "__main__.py").exists()
    wanted = deployment["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= labels.items()
    assert named("PodDisruptionBudget", name)["spec"]["selector"]["matchLabels"] == wanted
    assert named("Service", name)["spec"]["selector"] == wanted
    assert (
        deployment["spec"]["replicas"] > named("PodDisruptionBudget", name)["spec"]["minAvailable"]
    )


@pytest.mark.parametrize("name", PROCESSES)
def test_probes_and_scrapes_go_where_the_service_answers(name: str) -> None:
    its = container(name)
    served = set(make_app(name, "", Settings(), _health, _reachable, ANYBODY).openapi()["paths"])
    assert its["ports"] == [{"name": "http", "containerPort": PORT}]
    paths = {}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        get = its[probe]["httpGet"]
        assert get["port"] == "http"
        paths[probe] = get["path"]
    assert paths["livenessProbe"] == paths["startupProbe"] == "/health/live"
    assert paths["readinessProbe"] == "/health/ready"
    annotations = named("Deployment", name)["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/scrape"] == "true"
    assert annotations["prometheus.io/port"] == str(PORT)
    assert {*paths.values(), annotations["prometheus.io/path"]} <= served
    assert named("Service", name)["spec"]["ports"][0]["targetPort"] == "http"


def _memory(name: str) -> int:
    """MiB that a process may hold; the page with as many open pages as it takes, besides."""
    return 512 if name == PAGE else 256


@pytest.mark.parametrize("name", [*PROCESSES, "topics", "audit", "audit-anchor"])
def test_a_pod_is_the_one_image_without_privileges_and_with_limits(name: str) -> None:
    spec, its = pod(name), container(name)
    (image,) = KUSTOMIZATION["images"]
    assert its["image"] == image["name"] == "motcua"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert image["newTag"] == project["version"]
    user = re.search(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    assert user is not None
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] == int(user[1])
    assert its["securityContext"]["allowPrivilegeEscalation"] is False
    assert its["securityContext"]["readOnlyRootFilesystem"] is True
    assert its["resources"]["limits"]["memory"] == f"{_memory(name)}Mi"


@pytest.mark.parametrize("name", PROCESSES)
def test_a_pod_has_time_to_hand_its_partitions_over(name: str) -> None:
    assert pod(name)["terminationGracePeriodSeconds"] == 45
    assert COMPOSE["services"][name]["stop_grace_period"] == "45s"


@pytest.mark.parametrize("name", PROCESSES)
def test_compose_waits_until_a_service_works_and_kubernetes_restarts_none_that_waits(
    name: str,
) -> None:
    *_, looks = COMPOSE["services"][name]["healthcheck"]["test"]
    assert f"http://127.0.0.1:{PORT}/health/ready" in looks
    # Alive is who waits for Kafka or MongoDB, so it is enough to wait for the interpreter.
    assert container(name)["startupProbe"]["httpGet"]["path"] == "/health/live"


def test_topics_are_made_by_the_command_line() -> None:
    command = ["motcua", "topics", "create"]
    assert container("topics")["command"] == command
    assert COMPOSE["services"]["topics"]["command"] == command


def _in_kubernetes(name: str) -> list[str]:
    return [word.replace("$(COLLECTOR)", "file") for word in container(name)["command"]]


def test_the_audit_is_delivered_and_anchored_by_commands_that_there_are() -> None:
    compose = COMPOSE["services"]["audit"]["command"]
    for words in (compose, _in_kubernetes("audit"), _in_kubernetes("audit-anchor")):
        result = CliRunner().invoke(build(["audit"]), [*words[1:], "--help"])
        assert (words[0], result.exit_code) == ("motcua", 0)
        options = {word for word in words if word.startswith("--")}
        assert all(option in result.stdout for option in options), words
    annotations = template("audit")["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(PORT)
    assert str(PORT) in container("audit")["command"]


@pytest.mark.parametrize("name", PROCESSES)
def test_a_service_has_the_key_of_its_own_chain_alone(name: str) -> None:
    told = {entry["name"]: entry for entry in container(name)["env"]}
    found = told["MOTCUA_AUDIT_KEY"]["valueFrom"]["secretKeyRef"]
    assert found == {"name": "motcua", "key": f"audit-key-{name}", "optional": True}
    assert "MOTCUA_AUDIT_SECRETS" not in told
    environment = COMPOSE["services"][name]["environment"]
    assert environment["MOTCUA_AUDIT_KEY"] == f"${{MOTCUA_AUDIT_KEY_{name.upper()}:-}}"
    assert "MOTCUA_AUDIT_SECRETS" not in environment


@pytest.mark.parametrize("name", PROCESSES)
def test_compose_runs_the_service_after_its_topics_and_where_prometheus_looks(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["command"] == ["python", "-m", module_of(name)]
    assert service["depends_on"] == {
        "topics": {"condition": "service_completed_successfully"},
        "mongo": {"condition": "service_healthy"},
    }
    assert service["mem_limit"] == f"{_memory(name)}m"
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert all(port.endswith(f":{PORT}") for port in service["ports"])
    prometheus = yaml.safe_load(
        (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
    )
    job = next(job for job in prometheus["scrape_configs"] if job["job_name"] == "motcua")
    (found,) = job["dns_sd_configs"]
    assert name in found["names"]
    assert found["port"] == PORT


def test_an_image_of_others_is_the_one_of_its_digest() -> None:
    images = {service["image"] for service in COMPOSE["services"].values()}
    images |= set(re.findall(r"^ARG PYTHON=(.+)$", DOCKERFILE, re.MULTILINE))
    images |= set(re.findall(r"^FROM (?!\$)(\S+)", DOCKERFILE, re.MULTILINE))
    digest = re.compile(r"[\w./-]+:v?\d[\w.-]*@sha256:[0-9a-f]{64}")
    others = {image for image in images if not image.startswith("motcua:")}
    assert {image for image in others if not digest.fullmatch(image)} == set()
    assert len(others) == 7


@pytest.mark.parametrize(
    ("password", "ends", "says"), [("", 78, "GRAFANA_PASSWORD"), ("admin", 78, "GRAFANA_PASSWORD")]
)
def test_grafana_does_not_start_with_a_password_that_everyone_knows(
    password: str, ends: int, says: str
) -> None:
    done = _grafana(password)
    assert (done.returncode, says in done.stderr) == (ends, True)


def test_grafana_starts_with_a_password_of_its_own_and_in_a_trial() -> None:
    environment = COMPOSE["services"]["grafana"]["environment"]
    assert compose_told(environment, {})["GF_SECURITY_ADMIN_PASSWORD"] == ""
    trial = TRIAL["services"]["grafana"]["environment"]
    of_a_trial = compose_told(trial, {})["GF_SECURITY_ADMIN_PASSWORD"]
    for password in ("f3c1", of_a_trial):
        done = _grafana(password)
        assert "/run.sh" in done.stderr, "there is none here: it went on to Grafana itself"
        assert done.returncode == 127


def _grafana(password: str) -> subprocess.CompletedProcess[str]:
    """What becomes of Grafana's container, but for Grafana itself."""
    command = [word.replace("$$", "$") for word in COMPOSE["services"]["grafana"]["entrypoint"]]
    return subprocess.run(
        command,
        env={"GF_SECURITY_ADMIN_PASSWORD": password, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_alerts_go_over_tls_but_in_a_trial(tmp_path: Path) -> None:
    path = ROOT / "deploy" / "prometheus" / "alertmanager.yml"
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert told["global"]["smtp_require_tls"] is True
    assert not told["global"]["smtp_smarthost"].endswith(":25")
    # The trial's command, but for the program that it ends in.
    (script,) = TRIAL["services"]["alertmanager"]["command"]
    changes, _, starts = script.partition(" && exec ")
    changed = tmp_path / "alertmanager.yml"
    changes = changes.replace("/etc/alertmanager/alertmanager.yml", str(path))
    subprocess.run(
        ["sh", "-c", changes.replace("/alertmanager/trial.yml", str(changed))], check=True
    )
    assert "--config.file=/alertmanager/trial.yml" in starts
    plain = yaml.safe_load(changed.read_text(encoding="utf-8"))
    assert plain["global"] == {
        **told["global"],
        "smtp_smarthost": "mail:1025",
        "smtp_require_tls": False,
    }
    assert {**plain, "global": None} == {**told, "global": None}


def test_what_compose_mounts_is_there() -> None:
    names = set()
    for service in COMPOSE["services"].values():
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
