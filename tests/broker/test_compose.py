"""docker-compose.yml and Dockerfile, as far as they can be checked without Docker."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import typer.main
import yaml

from broker.kafka.cluster_settings import KAFKA_VERSION, settings
from broker.local import layout
from broker.local.properties import properties_of
from node.cli.arguments import BUS_URL
from node.cli.main import app

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
BROKERS: Final = [name for name, service in SERVICES.items() if service["image"].startswith("apache/kafka")]
OURS: Final = [name for name in SERVICES if name not in BROKERS]
NODES: Final = ["bz", "gt", "mx"]
ONCE: Final = ["lab", "provision"]
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text("utf-8")
NO_SETTINGS: Final = ("KAFKA_HEAP_OPTS", "CLUSTER_ID")  # read by the image's scripts, not by Kafka
OWN_SETTINGS: Final = {  # compose file and local broker have their own values
    "listeners",
    "advertised.listeners",
    "controller.quorum.voters",
    "log.dirs",
}


def properties(service: str) -> dict[str, str]:
    """The settings of a broker. In the environment of the image, KAFKA_A_B stands for a.b."""
    environment = SERVICES[service]["environment"]
    assert all(isinstance(value, str) for value in environment.values()), "an unquoted value may become a boolean"
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): value
        for name, value in environment.items()
        if name not in NO_SETTINGS
    }


def words(service: str) -> Iterator[list[str]]:
    """The arguments of each call of `enlace` in a service."""
    spec = SERVICES[service]
    check = spec.get("healthcheck", {}).get("test", ["", ""])[1]
    command = spec["command"]
    texts = [command[2] if command[:2] == ["sh", "-c"] else shlex.join(command), check]
    for text in texts:
        for part in re.split(r"\|\|?|&&|;", text):
            if part.split()[:1] == ["enlace"]:
                yield shlex.split(part)[1:]


def parsed(arguments: list[str]) -> dict[str, Any]:
    """The options of a command, parsed by the real command line. It raises for unknown ones and runs nothing."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("enlace", list(arguments))
    while hasattr(command, "commands"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)
    options: dict[str, Any] = context.params
    return options


def test_the_services_are_three_brokers_of_one_image_the_setup_and_three_nodes() -> None:
    assert BROKERS == ["kafka-1", "kafka-2", "kafka-3"]
    assert [*ONCE, *NODES] == OURS
    assert {SERVICES[name]["image"] for name in BROKERS} == {f"apache/kafka:{KAFKA_VERSION}"}


@pytest.mark.parametrize("name", BROKERS)
def test_a_broker_has_the_common_settings_and_those_of_a_local_broker(name: str, tmp_path: Path) -> None:
    local = layout.make(tmp_path, 3)
    expected = properties_of(local, local.brokers[BROKERS.index(name)])
    found = properties(name)

    assert found.keys() == expected.keys()
    assert {key for key, value in found.items() if value != expected[key]} == OWN_SETTINGS
    assert settings(3).items() <= found.items()


@pytest.mark.parametrize(("number", "name"), list(enumerate(BROKERS, 1)))
def test_a_broker_is_reached_by_its_name_and_keeps_its_data_in_its_own_volume(number: int, name: str) -> None:
    found = properties(name)
    voters = ",".join(f"{node_id}@{broker}:9093" for node_id, broker in enumerate(BROKERS, 1))

    assert SERVICES[name]["hostname"] == name
    assert found["node.id"] == str(number)
    assert found["advertised.listeners"] == f"PLAINTEXT://{name}:9092"
    assert found["listeners"] == "PLAINTEXT://:9092,CONTROLLER://:9093"
    assert found["controller.quorum.voters"] == voters
    assert SERVICES[name]["volumes"] == [f"{name}:{found['log.dirs']}"]


def test_all_brokers_have_the_same_cluster_id_of_sixteen_bytes() -> None:
    [cluster_id] = {SERVICES[name]["environment"]["CLUSTER_ID"] for name in BROKERS}

    assert re.fullmatch(r"[A-Za-z0-9_-]{22}", cluster_id)


def test_each_volume_that_is_used_is_declared_and_no_other() -> None:
    used = {volume.partition(":")[0] for service in SERVICES.values() for volume in service["volumes"]}

    assert used == COMPOSE["volumes"].keys()


def test_the_bus_of_the_exchange_names_all_brokers() -> None:
    [lab] = [parsed(line) for line in words("lab")]

    assert BUS_URL.fullmatch(lab["bus"])
    assert lab["bus"] == "kafka://" + ",".join(f"{name}:9092" for name in BROKERS)


COMMAND: Final[Any] = typer.main.get_command(app)


@pytest.mark.parametrize("name", OURS)
def test_the_real_command_line_accepts_each_call(name: str) -> None:
    lines = list(words(name))

    assert lines
    for line in lines:
        assert parsed(line)


@pytest.mark.parametrize("name", OURS)
def test_each_service_of_ours_sets_the_unsafe_option_for_plaintext(name: str) -> None:
    """The brokers are other machines: without the option no command could open its bus."""
    assert SERVICES[name]["environment"]["ENLACE_BUS__UNSAFE_PLAINTEXT"] == "true"


def test_lab_creates_each_home_that_a_service_uses() -> None:
    [lab] = [parsed(line) for line in words("lab")]
    homes = {code: str(lab["folder"] / code.lower()) for code in lab["nodes"].split(",")}

    assert [code.lower() for code in homes] == NODES
    for name in NODES:
        assert {line[line.index("--home") + 1] for line in words(name)} == {homes[name.upper()]}
    assert {line[line.index("--home") + 1] for line in words("provision")} <= set(homes.values())


def test_nodes_start_again_after_a_failure_and_the_setup_does_not() -> None:
    """Docker restarts them after each exit code except 0. With `unless-stopped` it would also undo a stop."""
    assert {SERVICES[name]["restart"] for name in [*NODES, *BROKERS]} == {"on-failure"}
    assert {SERVICES[name]["restart"] for name in ONCE} == {"no"}


def test_each_service_starts_after_those_that_it_needs() -> None:
    needs = {name: service.get("depends_on", {}) for name, service in SERVICES.items()}
    done, healthy = {"condition": "service_completed_successfully"}, {"condition": "service_healthy"}
    brokers = dict.fromkeys(BROKERS, healthy)

    assert needs == {
        **{name: {} for name in BROKERS},
        "lab": brokers,
        "provision": {"lab": done},
        **{name: {"provision": done} for name in NODES},
    }
    assert all("healthcheck" in SERVICES[name] for name in [*BROKERS, *NODES])


def test_a_node_has_more_time_to_stop_than_the_contract_allows() -> None:
    assert {int(SERVICES[name]["stop_grace_period"].removesuffix("s")) for name in NODES} == {15}


def test_no_port_is_published_because_the_brokers_have_no_access_rights() -> None:
    assert not [name for name, service in SERVICES.items() if {"ports", "network_mode"} & service.keys()]


def copied() -> dict[str, list[str]]:
    """Target -> sources of all COPY lines."""
    found: dict[str, list[str]] = {}
    for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE):
        *sources, target = line.split()
        found.setdefault(target, []).extend(sources)
    return found


def test_the_image_is_built_from_existing_files_on_a_supported_python() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    [base] = re.findall(r"^FROM python:(\d+\.\d+)-slim$", DOCKERFILE, re.MULTILINE)
    sources = {source for group in copied().values() for source in group}

    assert f">={base}" == project["project"]["requires-python"]
    assert all((ROOT / source).exists() for source in sources)
    assert set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) <= sources
    assert {SERVICES[name]["image"] for name in OURS} == {f"enlace:{project['project']['version']}"}
    assert {SERVICES[name]["build"] for name in OURS} == {"."}


def test_docker_may_read_only_what_the_image_copies() -> None:
    ignore = (ROOT / ".dockerignore").read_text("utf-8").split()
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    needed = {
        source if source.count("/") == 0 else source.rpartition("/")[0]
        for group in copied().values()
        for source in group
    }

    assert ignore[0] == "*"
    assert allowed == needed


def test_the_agreements_of_the_image_have_only_its_nodes_as_parties() -> None:
    [lab] = [parsed(line) for line in words("lab")]
    [workdir] = re.findall(r"^WORKDIR (.*)$", DOCKERFILE, re.MULTILINE)
    agreements = copied()["agreements/"]

    assert str(lab["agreements"]) == f"{workdir}/agreements"
    for file in agreements:
        parties = tomllib.loads((ROOT / file).read_text("utf-8"))["parties"]
        assert {party.lower() for party in parties} <= set(NODES)


def test_the_image_runs_as_a_user_that_owns_the_homes_and_is_not_root() -> None:
    lines = DOCKERFILE.splitlines()

    assert "USER enlace" in lines
    assert "install -d -o enlace -g enlace -m 0700 /exchange" in DOCKERFILE
    assert {volume for name in OURS for volume in SERVICES[name]["volumes"]} == {"exchange:/exchange"}
