"""Who may do what at the broker and in the database: computed from topics, events and deciders.

`python -m motcua.access` writes the files in `deploy/access`, from which the local stack, Compose
and Kubernetes are set up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import contracts.events  # noqa: F401  (registers every event class)
from contracts.model import registered
from contracts.wire.mac import BY_CITIZENS
from contracts.wire.topics import CITY_AUDIT, PAGE, SERVICES, TOPICS, dead_letters
from deploy.access.rights import RIGHTS, Rights
from services.notify.page.http.routes import GUESSES
from services.runtime import AUTHORITY_TRANSACTION, RULES_TRANSACTION, Service, group_of
from services.shared.citizen_keys import DATABASE as KEYS

OPERATOR = "operator"
"""Who runs `motcua` commands."""
AUDITOR = "auditor"
"""Who runs `motcua audit`: nobody else reads what the audit tells."""
_KEYS = {"intake": "readWrite", "notify": "read"}
"""Which services have to do with citizens' keys: intake makes them, notify opens with them."""
_TRANSACTIONS = {"routing": (AUTHORITY_TRANSACTION,)}
"""Who broadcasts while it runs."""
_ALL = tuple(topic.name for topic in TOPICS)
_FOLDER = RIGHTS.parent


def all_rights() -> tuple[Rights, ...]:
    """Return the rights of each service's user, of the page's, the operator's, the auditor's."""
    groups = {name: _groups(name) for name in SERVICES}
    services = (_service(name, groups) for name in SERVICES)
    return (*services, _page(), _operator(groups), _auditor())


def _service(name: str, groups: dict[str, tuple[str, ...]]) -> Rights:
    own = sorted({cls.TOPIC for cls in registered().values() if name == cls.OWNER})
    return Rights(
        name,
        reads=tuple(sorted({group.partition(":")[2] for group in groups[name]})),
        writes=(*own, CITY_AUDIT, dead_letters(name)),
        looks=_ALL,
        groups=groups[name],
        transactions=_TRANSACTIONS.get(name, ()),
        databases={
            f"motcua_{name}": "readWrite",
            **({KEYS: _KEYS[name]} if name in _KEYS else {}),
        },
    )


def _page() -> Rights:
    """Of notify's states it reads what citizens see, and whether an address is there at all."""
    topics = {cls.TOPIC for name, cls in registered().items() if name in BY_CITIZENS}
    return Rights(
        PAGE,
        writes=(*sorted(topics), CITY_AUDIT),
        looks=_ALL,
        databases={"motcua_notify": "read", KEYS: "read", GUESSES: "readWrite"},
    )


def _operator(groups: dict[str, tuple[str, ...]]) -> Rights:
    return Rights(
        OPERATOR,
        reads=tuple(topic for topic in _ALL if topic != CITY_AUDIT),
        # Dead letters that it redrives go to the topic that they came from, and it closes none.
        writes=tuple(topic for topic in _ALL if topic not in map(dead_letters, SERVICES)),
        creates=_ALL,
        looks=_ALL,
        watches=tuple(sorted(group for each in groups.values() for group in each)),
        transactions=(RULES_TRANSACTION,),
        databases={**{f"motcua_{name}": "readWrite" for name in SERVICES}, KEYS: "readWrite"},
    )


def _auditor() -> Rights:
    return Rights(
        AUDITOR,
        reads=(CITY_AUDIT,),
        writes=(CITY_AUDIT,),  # what it finds broken, and what it has anchored
        looks=(CITY_AUDIT,),
        groups=(group_of(AUDITOR, CITY_AUDIT),),
    )


def _groups(name: str) -> tuple[str, ...]:
    service: Service[Any] = import_module(f"services.{name}.__main__").SERVICE
    # notify reads what it sends and to whom only if it sends anything.
    settings = service.settings.model_construct(channels="email")
    return tuple(sorted(group_of(name, d.topic) for d in service.deciders(settings)))


def files() -> dict[str, str]:
    """Return the files of `deploy/access`, by name."""
    rights = all_rights()
    return {
        RIGHTS.name: _toml(rights),
        "kafka-acls.sh": _acls(rights),
        "mongo-users.js": _users(rights),
    }


_WRITTEN = "Written by `python -m motcua.access`; a test compares it with the code."


def _toml(all_: tuple[Rights, ...]) -> str:
    lines = [f"# Who may do what. {_WRITTEN}"]
    for rights in all_:
        lines += ["", f"[{rights.user}]"]
        for name in ("reads", "writes", "creates", "looks", "groups", "watches", "transactions"):
            if found := getattr(rights, name):
                lines += [f"{name} = [", *(f"    {json.dumps(each)}," for each in found), "]"]
        databases = ", ".join(f"{k} = {json.dumps(v)}" for k, v in rights.databases.items())
        if databases:
            lines.append(f"databases = {{ {databases} }}")
    return "\n".join(lines) + "\n"


def _acls(all_: tuple[Rights, ...]) -> str:
    head = f"""\
#!/usr/bin/env bash
# Tells Kafka who may do what. {_WRITTEN}
#
#   ./kafka-acls.sh --bootstrap-server kafka:9092 --command-config admin.properties
#
# Arguments are those of Kafka's own kafka-acls.sh, which must be on the PATH. The brokers need
# authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer. Users by
# certificate have other names, e.g. CN=sla: set PRINCIPAL='User:CN=%s'.
set -euo pipefail
name=${{PRINCIPAL:-User:%s}}

allow() {{
  local user=$1
  shift
  # shellcheck disable=SC2059
  kafka-acls.sh "${{arguments[@]}}" --add --allow-principal "$(printf "$name" "$user")" "$@"
}}
arguments=("$@")
"""
    return head + "".join(f"\n# {rights.user}\n{''.join(_lines(rights))}" for rights in all_)


def _lines(rights: Rights) -> Iterator[str]:
    by_kind: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    by_name: dict[tuple[str, str], list[str]] = {}
    for each in rights.allowed():
        by_name.setdefault((each.resource, each.name), []).append(each.operation)
    for (resource, name), operations in by_name.items():
        by_kind.setdefault((resource, tuple(operations)), []).append(name)
    for (resource, may), names in by_kind.items():
        said = " ".join(f"--operation {operation}" for operation in may)
        which = "".join(f" \\\n  --{resource} {name}" for name in names)
        yield f"allow {rights.user} {said}{which}\n"


def _users(all_: tuple[Rights, ...]) -> str:
    head = f"""\
// Makes the database's users, or gives them these roles. {_WRITTEN}
//
//   mongosh "$URI" --eval 'const passwords = {{intake: "…", sla: "…", …}}' --file mongo-users.js
//
// A user without a password in `passwords` is left out.
"""
    lines = [head, "const rights = {"]
    for rights in filter(lambda each: each.databases, all_):
        roles = [{"role": role, "db": name} for name, role in rights.databases.items()]
        lines.append(f"  {rights.user}: {json.dumps(roles)},")
    lines.append(
        """\
};

const admin = db.getSiblingDB("admin");
for (const [user, roles] of Object.entries(rights)) {
  if (passwords[user] === undefined) continue;
  if (admin.getUser(user) === null) {
    admin.createUser({ user, pwd: passwords[user], roles });
  } else {
    admin.updateUser(user, { pwd: passwords[user], roles });
  }
}"""
    )
    return "\n".join(lines) + "\n"


def write() -> None:
    """Write the files."""
    for name, text in files().items():
        path = _FOLDER / name
        path.write_text(text, encoding="utf-8")
        if name.endswith(".sh"):
            path.chmod(0o755)


if __name__ == "__main__":
    write()
