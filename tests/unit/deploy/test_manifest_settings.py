"""What Compose and Kubernetes tell the services are settings, complete, and good to start with."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from contracts.catalogue import load_catalogue
from contracts.events.notify import MessageChannel
from contracts.wire.topics import PAGE, SERVICES
from deploy.local.fakes.gateway.part import SECRET, TOKEN
from deploy.local.fakes.gateway.server import parser
from deploy.local.stack.city import PROCESSES
from services.intake.settings import IntakeSettings
from services.notify.channels.smtp import Tls
from services.notify.page.settings import PageSettings
from services.notify.settings import NotifySettings
from services.runtime.kafka.access import KafkaAccess
from services.runtime.mongo.access import MongoAccess
from services.runtime.refusal import SettingsWrong
from services.runtime.settings import Settings
from services.shared.lookup_secrets import lookup_keys
from services.shared.master_keys import KeySettings, master_keys
from services.shared.references import references
from tests.support.manifests import (
    COMPOSE,
    GATEWAY,
    KUBERNETES,
    PORT,
    TRIAL,
    compose_told,
    container,
    objects,
    pod,
    pod_told,
    shared,
)
from tests.support.paths import ROOT

_SETTINGS = {
    **dict.fromkeys(SERVICES, Settings),
    "intake": IntakeSettings,
    "notify": NotifySettings,
    PAGE: PageSettings,
    "topics": Settings,
}
NEEDED = {
    "mongo": "mongodb://mongo",
    "lookup-secrets": "1:s",
    "reference-secrets": "1:r",
    "master-keys": "2026:…",
}
GOOD = f"whsec_{b64encode(bytes(range(24))).decode()}"
"""The keys of the Secret without which nothing starts."""


_KEEPERS = {
    "MOTCUA_MASTER_KEY_FILE": ("intake", "notify", PAGE),
    "MOTCUA_LOOKUP_SECRETS": ("intake", "notify", PAGE),
    "MOTCUA_REFERENCE_SECRETS": ("intake", "notify"),
}
"""Who is told a secret."""


def _variables(settings: type[Settings]) -> set[str]:
    return {f"MOTCUA_{field.upper()}" for field in settings.model_fields}


def _settings_told(monkeypatch: pytest.MonkeyPatch, told: Mapping[str, str]) -> NotifySettings:
    """Notify's settings in that environment. Raises what stops its start."""
    _only_told(monkeypatch, told)
    return NotifySettings()


def _only_told(monkeypatch: pytest.MonkeyPatch, told: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name.startswith("MOTCUA_")]:
        monkeypatch.delenv(name)
    for name, value in told.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("name", [*PROCESSES, "topics"])
def test_variables_are_settings_of_the_service(name: str) -> None:
    known = _variables(_SETTINGS[name])
    own = {entry["name"] for entry in container(name).get("env", ())}
    maps = shared(name)
    assert own | set(maps) <= known
    assert set(COMPOSE["services"][name]["environment"]) <= known
    assert all(isinstance(value, str) for value in maps.values())
    # Who has no use for a secret is not told it.
    for secret, keepers in _KEEPERS.items():
        assert (secret in own) == (name in keepers)
        assert (secret in COMPOSE["services"][name]["environment"]) == (name in keepers)


def test_only_what_is_called_a_trial_is_one() -> None:
    for path in (ROOT / "deploy").rglob("*"):
        if path.suffix in (".yaml", ".yml", ".env") or path.name.startswith("Dockerfile"):
            is_trial = path.name == "trial.yaml"
            assert ("MOTCUA_TRIAL" in path.read_text(encoding="utf-8")) == is_trial, path
    trials = {name for name, of in TRIAL["services"].items() if "MOTCUA_TRIAL" in str(of)}
    assert trials == set(PROCESSES)


@pytest.mark.parametrize("name", ["intake", "notify", PAGE])
def test_what_is_for_production_starts_with_no_secret_that_everyone_knows(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Nothing that Compose or Kubernetes tells stands in for a secret that was forgotten."""
    found = _SETTINGS[name]
    told = compose_told(COMPOSE["services"][name]["environment"], {})
    _only_told(monkeypatch, told)
    settings: Any = found()
    for secrets in (lookup_keys, master_keys, *((references,) if name != PAGE else ())):
        with pytest.raises(SettingsWrong, match="everyone knows"):
            secrets(settings)
    with pytest.raises(KeyError):
        pod_told(name, {})
    _only_told(monkeypatch, compose_told(told | TRIAL["services"][name]["environment"], {}))
    settings = found()
    assert lookup_keys(settings).key("x")
    assert master_keys(settings).current == "development"


@pytest.mark.parametrize("name", ["notify", PAGE])
def test_compose_and_kubernetes_name_the_same_settings(name: str) -> None:
    more = _variables(_SETTINGS[name]) - _variables(KeySettings)
    told = {entry["name"] for entry in container(name)["env"]} | set(shared(name))
    assert told & more == set(COMPOSE["services"][name]["environment"]) & more


def test_the_page_is_told_what_notify_is_told_of_the_channels_and_no_provider_s_secret() -> None:
    told = set(COMPOSE["services"][PAGE]["environment"])
    of_notify = COMPOSE["services"]["notify"]["environment"]
    common = _variables(NotifySettings) - _variables(Settings)
    for name in told & common:
        assert COMPOSE["services"][PAGE]["environment"][name] == of_notify[name], name
        if name in shared(PAGE):
            assert shared(PAGE)[name] == shared("notify")[name], name
    needed = {"CHANNELS", "RATINGS", "SMS_URL", "ZALO_URL", "PUBLIC_URL"}
    assert {f"MOTCUA_{name}" for name in needed} <= told
    assert not [name for name in told if name.endswith(("_TOKEN", "_SECRET", "_PASSWORD"))]


def test_nothing_secret_is_in_a_config_map() -> None:
    secret = re.compile(r"_(TOKEN|SECRET|PASSWORD|USER|MONGO|MASTER_KEY)$")
    for found in objects("ConfigMap"):
        assert [name for name in found["data"] if secret.search(name)] == []


def test_a_pod_that_only_sends_mail_starts_without_any_provider_s_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = _settings_told(monkeypatch, pod_told("notify", NEEDED))
    assert settings.channels == (MessageChannel.EMAIL,)
    (server,) = settings.mail_servers()
    assert (server.host, server.port, server.tls, server.user) == (
        "mail",
        587,
        Tls.STARTTLS,
        None,
    )
    assert settings.gateways("sms") == settings.gateways("zalo") == []
    assert settings.public_url is None


def test_a_pod_is_told_of_every_provider_that_config_and_secret_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    optional = {
        entry["valueFrom"]["secretKeyRef"]["key"]
        for entry in container("notify")["env"]
        if entry.get("valueFrom", {}).get("secretKeyRef", {}).get("optional")
    }
    secrets = {key: f"{GOOD} {GOOD}" if key.endswith("secret") else key for key in optional}
    told = pod_told("notify", {**NEEDED, **secrets}) | {
        "MOTCUA_CHANNELS": "email,sms,zalo",
        "MOTCUA_SMTP_TLS": "starttls",
        "MOTCUA_SMTP2_HOST": "mail-2",
        "MOTCUA_SMTP2_TLS": "implicit",
        "MOTCUA_RECEIPTS_URL": "https://hoso.example.vn",
    }
    names = ("sms", "sms2", "zalo", "zalo2")
    told |= {f"MOTCUA_{name.upper()}_URL": f"https://{name}.example.vn" for name in names}
    settings = _settings_told(monkeypatch, told)
    assert [(s.name, s.user, s.password) for s in settings.mail_servers()] == [
        ("smtp", "smtp-user", "smtp-password"),
        ("smtp2", "smtp2-user", "smtp2-password"),
    ]
    gateways = [*settings.gateways("sms"), *settings.gateways("zalo")]
    assert [(g.name, g.token, g.receipts) for g in gateways] == [
        (name, f"{name}-token", f"https://hoso.example.vn/receipts/{name}") for name in names
    ]
    assert [len(settings.receipt_keys(name)) for name in (*names, "smtp", "smtp2")] == [2] * 6


@pytest.mark.parametrize("name", ["intake", "notify", PAGE])
def test_the_master_keys_are_a_file_that_is_there_and_that_the_service_can_read(
    name: str, tmp_path: Path
) -> None:
    spec, told = pod(name), pod_told(name, NEEDED)
    file = Path(told["MOTCUA_MASTER_KEY_FILE"])
    mounts = {m["name"]: Path(m["mountPath"]) for m in container(name)["volumeMounts"]}
    (volume,) = [v for v in spec["volumes"] if v["name"] == "master-keys"]
    assert mounts["master-keys"] / volume["secret"]["items"][0]["path"] == file
    assert volume["secret"]["defaultMode"] == 0o440
    assert spec["securityContext"]["fsGroup"] == spec["securityContext"]["runAsGroup"]
    assert set(mounts) == {v["name"] for v in spec["volumes"]}
    # What the kustomization says to make of it: one line without an end.
    says = (KUBERNETES / "kustomization.yaml").read_text(encoding="utf-8")
    assert 'master-keys="$(date +%Y):$(openssl rand -base64 32)"' in says
    made = tmp_path / "master-keys"
    made.write_text(f"2026:{b64encode(bytes(32)).decode()}")
    assert master_keys(KeySettings(master_key_file=made)).current == "2026"


def test_compose_without_a_variable_tells_nobody_and_in_a_trial_its_own_mail_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = COMPOSE["services"]["notify"]["environment"]
    settings = _settings_told(monkeypatch, compose_told(environment, {}))
    assert settings.channels == (MessageChannel.LEDGER,)
    assert settings.master_key is None
    assert settings.master_key_file is None
    assert settings.smtp_ca_file is None
    assert settings.smtp_tls is Tls.STARTTLS
    told = compose_told(environment | TRIAL["services"]["notify"]["environment"], {})
    (server,) = _settings_told(monkeypatch, told).mail_servers()
    assert (server.host, server.port, server.tls) == ("mail", 1025, Tls.NONE)


def test_compose_takes_each_variable_and_mounts_the_files_that_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    variables = {
        "MOTCUA_CHANNELS": "email,sms",
        "MOTCUA_MASTER_KEY_FILE": "./keys",
        "MOTCUA_SMTP_CA_FILE": "./ca.crt",
        "MOTCUA_SMS_URL": "https://sms.example.vn",
        "MOTCUA_SMS2_URL": "",
        "MOTCUA_PUBLIC_URL": "https://hoso.example.vn",
        "MOTCUA_TRUSTED_PROXIES": "1",
    }
    service = COMPOSE["services"]["notify"]
    settings = _settings_told(monkeypatch, compose_told(service["environment"], variables))
    assert [gateway.name for gateway in settings.gateways("sms")] == ["sms"]
    assert settings.public_url == "https://hoso.example.vn"
    for secret, path in (
        ("master-keys", settings.master_key_file),
        ("smtp-ca", settings.smtp_ca_file),
    ):
        assert secret in service["secrets"]
        assert path == Path("/run/secrets") / secret
    _only_told(monkeypatch, compose_told(COMPOSE["services"][PAGE]["environment"], variables))
    page = PageSettings()
    assert (page.public_url, page.trusted_proxies) == ("https://hoso.example.vn", 1)
    assert page.policy(load_catalogue()).carried >= {MessageChannel.EMAIL, MessageChannel.SMS}
    files = {name: source["file"] for name, source in COMPOSE["secrets"].items()}
    assert compose_told(files, variables) == {"master-keys": "./keys", "smtp-ca": "./ca.crt"}
    assert set(compose_told(files, {}).values()) == {"/dev/null"}


def test_the_gateway_of_a_trial_is_where_notify_looks_for_it_and_the_other_way_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    environment = {
        **COMPOSE["services"]["notify"]["environment"],
        **TRIAL["services"]["notify"]["environment"],
        **GATEWAY["services"]["notify"]["environment"],
    }
    settings = _settings_told(monkeypatch, compose_told(environment, {}))
    assert settings.channels == (MessageChannel.SMS, MessageChannel.ZALO)
    gateway = GATEWAY["services"]["gateway"]
    assert gateway["network_mode"] == "service:notify"
    assert gateway["command"][:3] == ["python", "-m", "deploy.local.fakes.gateway.server"]
    options = parser().parse_args(gateway["command"][3:])
    for name in ("sms", "zalo"):
        (found,) = settings.gateways(name)
        assert found.url == f"http://127.0.0.1:{options.port}"
        assert found.receipts == f"http://127.0.0.1:{PORT}/receipts/{name}"
        assert found.token == options.token == TOKEN
        assert getattr(settings, f"{name}_secret") == options.secret == SECRET


def test_the_gateway_needs_nothing_that_is_not_in_the_image() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = {re.split(r"[<>=\[]", line)[0] for line in project["optional-dependencies"]["local"]}
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    missing = {name for name in extra if not re.search(rf"^{name}==", locked, re.MULTILINE)}
    assert "aiosmtpd" in missing
    code = "import sys, deploy.local.fakes.gateway.server; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {module.partition(".")[0] for module in done.stdout.split()}
    assert loaded.isdisjoint({*missing, "fiftyone"})


_ACCESS = {
    *(f"MOTCUA_KAFKA_{field.upper()}" for field in KafkaAccess.model_fields),
    *(f"MOTCUA_MONGO_{field.upper()}" for field in MongoAccess.model_fields),
    *("MOTCUA_RECORD_KEYS_FILE", "MOTCUA_RECORD_KEYS_SINCE"),
}


def test_a_city_is_told_every_variable_of_who_asks_and_no_other() -> None:
    production = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
    assert {name for name in _ACCESS if name not in production} == set()
    named = re.compile(r"\bMOTCUA_(?:KAFKA|MONGO|RECORD)_[A-Z_]*[A-Z]\b")
    for page in (production, *(p.read_text("utf-8") for p in (ROOT / "deploy").rglob("*.yaml"))):
        assert set(named.findall(page)) <= _ACCESS
