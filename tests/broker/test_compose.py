"""docker-compose.yml, Dockerfile and the locks, as far as they can be checked without Docker."""

import os
import re
import shlex
import socket
import struct
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import pytest
import typer.main
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from broker.kafka.cluster_settings import KAFKA_VERSION, settings
from broker.local import layout
from broker.local.properties import properties_of
from node.cli.main import app
from node.terminal.arguments import BUS_URL

ROOT: Final = Path(__file__).parents[2]
COMPOSE: Final[dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: Final[dict[str, dict[str, Any]]] = COMPOSE["services"]
BROKERS: Final = [name for name, service in SERVICES.items() if service["image"].startswith("apache/kafka")]
OURS: Final = [name for name in SERVICES if name not in BROKERS]
NODES: Final = ["bz", "gt", "mx"]
ONCE: Final = ["lab", "provision"]
DOCKERFILE: Final = (ROOT / "Dockerfile").read_text("utf-8")
DIGEST: Final = "sha256:[0-9a-f]{64}"
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
        for part in re.split(r"\|\|?|&&|;|[{}]", text):
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
    [image] = {SERVICES[name]["image"] for name in BROKERS}
    assert re.fullmatch(rf"apache/kafka:{re.escape(KAFKA_VERSION)}@{DIGEST}", image)


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


def test_lab_makes_the_home_of_each_node_and_gives_it_to_this_node_only() -> None:
    """Each node has a volume of its own, so that it cannot read the keys of another."""
    [lab] = [parsed(line) for line in words("lab")]
    script = SERVICES["lab"]["command"][2]
    [copied_to] = re.findall(r"for node in ([a-z ]+);", script)

    assert [code.lower() for code in lab["nodes"].split(",")] == NODES == copied_to.split()
    assert f"cp -R {lab['folder']}/$$node/. /exchange/lab/$$node/" in script
    for name in NODES:
        assert SERVICES[name]["volumes"] == [f"{name}:/exchange/lab/{name}"]
        assert {line[line.index("--home") + 1] for line in words(name)} == {f"/exchange/lab/{name}"}
    assert {*SERVICES["lab"]["volumes"]} == {"setup:/setup", *(SERVICES[name]["volumes"][0] for name in NODES)}
    assert SERVICES["provision"]["volumes"] == ["bz:/exchange/lab/bz"]
    assert [line[line.index("--home") + 1] for line in words("provision")] == ["/exchange/lab/bz"]


def setup(folder: Path, enlace: str) -> int:
    """Run the script of `lab` with these folders and this `enlace`; returns its exit code."""
    script = SERVICES["lab"]["command"][2].replace("$$", "$").replace("/setup", f"{folder}/setup")
    (folder / "bin").mkdir(exist_ok=True)
    (folder / "bin" / "enlace").write_text(f"#!/bin/sh\n{enlace}\n")
    (folder / "bin" / "enlace").chmod(0o700)
    for name in ("setup", *(f"exchange/lab/{node}" for node in NODES)):
        (folder / name).mkdir(parents=True, exist_ok=True)
    ran = subprocess.run(
        ["sh", "-c", script.replace("/exchange/lab/", f"{folder}/exchange/lab/")],
        env={**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}"},
        check=False,
    )
    return ran.returncode


MAKE: Final = 'for node in bz gt mx; do mkdir -p $2/$node && echo "$ROUND" > $2/$node/keys; done'


def test_an_interrupted_setup_begins_again_and_a_finished_one_stays(tmp_path: Path) -> None:
    """First it ends halfway, then it is whole; after that it changes nothing."""
    homes = [tmp_path / "exchange" / "lab" / node / "keys" for node in NODES]

    assert setup(tmp_path, f"mkdir -p $2/bz; echo first > {homes[0]}; exit 4") == 4
    assert setup(tmp_path, MAKE.replace("$ROUND", "second")) == 0
    assert setup(tmp_path, MAKE.replace("$ROUND", "third")) == 0
    assert [home.read_text() for home in homes] == ["second\n"] * 3
    assert [path.name for path in (tmp_path / "setup").iterdir()] == ["done"]


def test_services_start_again_after_a_failure_and_after_a_restart_of_the_engine() -> None:
    """The setup too, if a broker is slow to answer. What a person stopped stays stopped."""
    assert {SERVICES[name]["restart"] for name in [*NODES, *BROKERS]} == {"unless-stopped"}
    assert {SERVICES[name]["restart"] for name in ONCE} == {"on-failure:5"}


def test_only_one_service_builds_the_image() -> None:
    """Several builds of one name race with each other."""
    assert [name for name in OURS if "build" in SERVICES[name]] == ["lab"]
    assert {SERVICES[name]["pull_policy"] for name in OURS if name != "lab"} == {"never"}
    assert SERVICES["lab"]["pull_policy"] == "build"
    assert len({SERVICES[name]["image"] for name in OURS}) == 1


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_few_rights_and_its_output_is_rotated(name: str) -> None:
    service = SERVICES[name]

    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service.get("read_only", False) == (name in OURS)


def test_a_broker_is_asked_without_starting_java() -> None:
    """The request is an ApiVersions request of version 0, and the answer must begin with no error."""
    [test] = {tuple(SERVICES[name]["healthcheck"]["test"]) for name in BROKERS}
    text = test[-1].replace("$$", "$")
    [request] = re.findall(r"printf '([^']*)'", text)

    assert test[:3] == ("CMD", "bash", "-c")
    assert ".sh" not in text
    assert request.encode().decode("unicode_escape").encode("latin-1") == struct.pack(">ihhih", 10, 18, 0, 1, -1)


@pytest.mark.parametrize(
    ("answer", "healthy"),
    [
        (struct.pack(">iih", 300, 1, 0) + bytes(294), True),
        (struct.pack(">iih", 10, 1, 35), False),
        (struct.pack(">iih", 10, 2, 0), False),
        (b"", False),
    ],
    ids=["ready", "error code", "another request", "closed"],
)
def test_the_health_check_reads_the_answer_of_a_broker(answer: bytes, healthy: bool) -> None:
    """Run in a real bash against a listener."""
    script = SERVICES["kafka-1"]["healthcheck"]["test"][-1].replace("$$", "$")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        line = script.replace("$(hostname)/9092", f"127.0.0.1/{port}")
        with subprocess.Popen(["bash", "-c", line]) as process:
            connection, _ = listener.accept()
            with connection:
                asked = connection.recv(14, socket.MSG_WAITALL)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                code = process.wait(30)

    assert len(asked) == 14
    assert (code == 0) == healthy


def test_the_versions_of_docker_that_are_needed_are_stated() -> None:
    """`start_interval` needs them."""
    for page in ("docker-compose.yml", "docs/operating.md"):
        text = (ROOT / page).read_text("utf-8")
        assert "Engine 25" in text
        assert "Compose 2.20.2" in text
    assert all("start_interval" in SERVICES[name]["healthcheck"] for name in [*BROKERS, *NODES])


@pytest.mark.parametrize("page", ["docker-compose.yml", "docs/operating.md"])
def test_the_pages_publish_a_report(page: str) -> None:
    """The redirection is of the machine, so that `exec` needs no terminal."""
    [line] = re.findall(
        r"docker compose exec -T bz (enlace publish .*)$", (ROOT / page).read_text("utf-8"), re.MULTILINE
    )
    command, _, file = line.partition(" < ")

    assert (ROOT / file).is_file()
    assert parsed(shlex.split(command)[1:])["home"] == Path("/exchange/lab/bz")


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
    """Target -> sources of all COPY lines that copy from the checkout."""
    found: dict[str, list[str]] = {}
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE):
        *sources, target = line.split()
        found.setdefault(target, []).extend(sources)
    return found


def test_the_image_is_built_from_existing_files_on_a_supported_python() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    [base] = {*re.findall(rf"^FROM python:(\d+\.\d+)-slim@{DIGEST}(?: AS build)?$", DOCKERFILE, re.MULTILINE)}
    sources = {source for group in copied().values() for source in group}
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]

    assert len(re.findall("^FROM", DOCKERFILE, re.MULTILINE)) == 2
    assert f">={base}" == project["project"]["requires-python"]
    assert all((ROOT / source).exists() for source in sources)
    assert {*wheel["packages"], *wheel["force-include"]} <= sources
    assert {SERVICES[name]["image"] for name in OURS} == {f"enlace:{project['project']['version']}"}


def locked(name: str) -> dict[str, str]:
    """Package -> version of a lock file."""
    lines = re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE)
    return dict(lines)


def needed(names: Iterable[str]) -> set[str]:
    """The packages of these requirements and all that they need, extras included, as this environment knows them."""
    found: set[str] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in found and not requirement.extras:
            continue
        found.add(name)
        for text in metadata.requires(name) or ():
            further = Requirement(text)
            if further.marker is None or any(further.marker.evaluate({"extra": e}) for e in ("", *requirement.extras)):
                waiting.append(further)
    return found


@pytest.mark.parametrize("lock", ["requirements-runtime.lock", "requirements-build.lock"])
def test_the_image_installs_what_is_needed_and_no_tool_of_the_tests(lock: str) -> None:
    """The versions are those that the tests run with. Each file has a hash, and no address of an index."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    runtime = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["postgresql"]]
    wanted = needed(runtime if "runtime" in lock else project["build-system"]["requires"])
    found, text = locked(lock), (ROOT / lock).read_text("utf-8")

    assert project["dependency-groups"]["build"] == project["build-system"]["requires"]
    assert wanted <= found.keys()
    assert not found.keys() & {"pytest", "mypy", "ruff", "hypothesis", "coverage", "jsonschema", "pyyaml", "editables"}
    assert found.items() <= locked("requirements.lock").items()
    assert len(found) == len(re.findall(r"==[^\n]*\\\n    --hash=sha256:", text))
    assert "://" not in text
    assert f"--require-hashes -r {lock}" in DOCKERFILE


def test_docker_may_read_only_what_the_image_copies() -> None:
    ignore = (ROOT / ".dockerignore").read_text("utf-8").split()
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    sources = {source for group in copied().values() for source in group}

    assert ignore[0] == "*"
    assert allowed == {"demo/agreements" if source.startswith("demo/") else source for source in sources}


def test_the_agreements_of_the_image_have_only_its_nodes_as_parties() -> None:
    [lab] = [parsed(line) for line in words("lab")]
    workdir = re.findall(r"^WORKDIR (.*)$", DOCKERFILE, re.MULTILINE)[-1]
    agreements = copied()["agreements/"]

    assert str(lab["agreements"]) == f"{workdir}/agreements"
    for file in agreements:
        parties = tomllib.loads((ROOT / file).read_text("utf-8"))["parties"]
        assert {party.lower() for party in parties} <= set(NODES)


def test_the_image_runs_as_a_user_that_owns_the_homes_and_is_not_root() -> None:
    """A volume gets owner and mode of the folder at which it is mounted."""
    [made] = re.findall(r"install -d -o enlace -g enlace -m 0700 (.*?)\nUSER enlace", DOCKERFILE, re.DOTALL)
    mounted = {volume.partition(":")[2] for name in OURS for volume in SERVICES[name]["volumes"]}

    assert mounted <= {*made.replace("\\", " ").split()}
