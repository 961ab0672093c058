"""A real Kafka of one or three brokers on this machine, as `broker.local` starts it for tests and the demonstration."""

import hashlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest

from broker.kafka.cluster_settings import KAFKA_VERSION, settings
from broker.local import detached_cluster, jar_pins, layout, process
from broker.local.artifacts import POM, Artifacts, cache_folder, find_artifacts
from broker.local.attached_cluster import attached_cluster
from broker.local.class_archive import with_class_archive
from broker.local.cluster import Cluster
from broker.local.errors import LocalUnavailable, LocalUsage
from broker.local.launch import await_ready
from broker.local.layout import HOST, ClusterLayout
from broker.local.probe import known_brokers
from broker.local.process import end, pid_of
from broker.local.properties import format_command, properties_of
from tests.support.brokers import require_kafka
from tests.support.processes import gone

GONE_SECONDS_MAX = 20.0
POLL_SECONDS = 0.02
PARENT = """
import subprocess, sys, time
from pathlib import Path
from broker.local.attached_cluster import attached_cluster
with attached_cluster(Path(sys.argv[1])) as cluster:
    child = subprocess.Popen(["sleep", "600"], close_fds=False)
    print(child.pid, cluster.pids[1], flush=True)
    time.sleep(600)
"""
JAVA = """#!/bin/sh
case "$*" in
  *-version*) echo 'openjdk version "{version}" 2025-04-15' >&2 ;;
  *StorageTool*) ;;
  *) echo "the disk of this broker has failed"; exit 1 ;;
esac
"""
FAKE_JAR = b"\n"
MAVEN = """#!/bin/sh
echo called >> "$MAVEN_CALLS"
echo "no route to the repository"
for option in "$@"; do case "$option" in -DoutputDirectory=*) jars="${option#*=}" ;; esac; done
/bin/mkdir "$jars" && echo > "$jars/kafka_2.13-KAFKA.jar"
""".replace("KAFKA.jar", f"{KAFKA_VERSION}.jar")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three brokers for the module. A test that ends one starts it again."""
    require_kafka()
    with attached_cluster(tmp_path_factory.mktemp("three"), brokers=3) as brokers:
        yield brokers


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """The PATH and the cache are empty. Calling the fixture adds a program to the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("ENLACE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MAVEN_CALLS", str(tmp_path / "calls"))
    pins = tmp_path / "jars.sha256"
    pins.write_text(f"{hashlib.sha256(FAKE_JAR).hexdigest()}  kafka_2.13-{KAFKA_VERSION}.jar\n")
    monkeypatch.setattr(jar_pins, "PINS", pins)
    monkeypatch.delenv("JAVA_HOME", raising=False)

    def add(name: str, text: str) -> None:
        path = folder / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    return add


def await_gone(pid: int) -> None:
    deadline = time.monotonic() + GONE_SECONDS_MAX
    while not gone(pid):
        assert time.monotonic() < deadline, f"{pid} still runs"
        time.sleep(POLL_SECONDS)


def test_ready_means_that_each_broker_lists_all(cluster: Cluster) -> None:
    assert [known_brokers(HOST, cluster.port(number)) for number in (1, 2, 3)] == [{1, 2, 3}] * 3
    assert sorted(cluster.pids) == [1, 2, 3]
    assert re.fullmatch(r"kafka://127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+", cluster.url)


def test_a_killed_broker_restarts_on_its_port_with_its_data(cluster: Cluster) -> None:
    before, port = cluster.pids, cluster.port(2)
    meta = cluster.folder / "broker-2" / "data" / "meta.properties"
    identity = meta.read_text()
    cluster.kill(2)
    assert sorted(cluster.pids) == [1, 3]
    assert gone(before[2])
    cluster.start(2)

    assert known_brokers(HOST, port) == {1, 2, 3}
    assert cluster.pids[2] != before[2]
    assert {number: cluster.pids[number] for number in (1, 3)} == {number: before[number] for number in (1, 3)}
    assert meta.read_text().splitlines()[1:] == identity.splitlines()[1:]  # the first line is a date


def test_a_broker_may_be_stopped_twice(cluster: Cluster) -> None:
    pid = cluster.pids[3]
    cluster.stop(3)
    cluster.stop(3)

    assert gone(pid)
    assert known_brokers(HOST, cluster.port(3)) == frozenset()
    cluster.start(3)
    assert known_brokers(HOST, cluster.port(3)) == {1, 2, 3}


def test_attached_brokers_of_another_program_are_not_touched(cluster: Cluster) -> None:
    before = cluster.pids
    for attempt in (
        detached_cluster.start,
        detached_cluster.stop,
        lambda folder: attached_cluster(folder, brokers=3).__enter__(),
    ):
        with pytest.raises(LocalUnavailable) as caught:
            attempt(cluster.folder)
        assert caught.value.code == "broker_folder_busy"

    assert cluster.pids == before


def test_a_broker_ends_when_its_parent_is_killed_even_if_another_child_of_the_parent_lives(tmp_path: Path) -> None:
    require_kafka()
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as answer:
        child, broker = map(int, answer.readline().split())
    try:
        assert not gone(broker)
        parent.kill()
        parent.wait()
        await_gone(broker)
        assert not gone(child)
    finally:
        for pid in (child, broker):
            if not gone(pid):
                os.kill(pid, signal.SIGKILL)


def test_the_class_archive_is_made_once_and_brokers_use_it(cluster: Cluster) -> None:
    """A second user of the cache finds it, and the running brokers were started with it."""
    artifacts = with_class_archive(find_artifacts())
    [option] = [option for option in artifacts.options if "SharedArchiveFile" in option]
    line = Path(f"/proc/{cluster.pids[1]}/cmdline").read_text().split("\0")

    assert Path(option.partition("=")[2]).is_file()
    assert option in line


def test_without_a_class_archive_the_artifacts_stay_unchanged(tools: Callable[[str, str], None]) -> None:
    """Java ends at once here, so no archive can be made."""
    tools("java", JAVA.format(version="17"))
    tools("mvn", MAVEN)
    artifacts = find_artifacts()

    assert with_class_archive(artifacts) == artifacts


@pytest.mark.usefixtures("tools")
def test_without_java_the_error_says_what_to_install() -> None:
    with pytest.raises(LocalUsage, match="install Java 17") as caught:
        find_artifacts()

    assert caught.value.code == "java_missing"


def test_a_java_that_is_too_old_is_an_error_with_its_version(tools: Callable[[str, str], None]) -> None:
    for version in ("1.8.0_402", "11.0.2", "16"):
        tools("java", JAVA.format(version=version))
        with pytest.raises(LocalUsage, match=re.escape(version)) as caught:
            find_artifacts()
        assert caught.value.code == "java_missing"


def test_without_maven_the_error_says_what_to_install(tools: Callable[[str, str], None]) -> None:
    tools("java", JAVA.format(version="17.0.15"))
    with pytest.raises(LocalUsage, match="install Apache Maven") as caught:
        find_artifacts()

    assert caught.value.code == "maven_missing"


def test_when_maven_fails_the_error_has_its_output_and_no_folder_looks_complete(
    tools: Callable[[str, str], None],
) -> None:
    tools("java", JAVA.format(version="21"))
    tools("mvn", f"{MAVEN}\nexit 1\n")
    with pytest.raises(LocalUnavailable, match="no route to the repository") as caught:
        find_artifacts()

    assert caught.value.code == "artifacts_unavailable"
    assert not cache_folder().exists()


def test_two_callers_download_the_jars_once_and_then_maven_is_not_needed(
    tools: Callable[[str, str], None], tmp_path: Path
) -> None:
    tools("java", JAVA.format(version="17"))
    tools("mvn", MAVEN)
    begin = threading.Barrier(2)

    def fetch() -> Artifacts:
        begin.wait(10)
        return find_artifacts()

    with ThreadPoolExecutor(2) as both:
        first, second = both.submit(fetch), both.submit(fetch)
        assert first.result() == second.result()
    (tmp_path / "bin" / "mvn").unlink()

    assert (tmp_path / "calls").read_text().split() == ["called"]
    assert find_artifacts().jars == cache_folder()
    assert [jar.name for jar in cache_folder().iterdir()] == [f"kafka_2.13-{KAFKA_VERSION}.jar"]


@pytest.mark.parametrize("change", ["other bytes", "one more", "one less", "a folder"])
def test_a_jar_that_is_not_pinned_is_not_loaded(tools: Callable[[str, str], None], change: str) -> None:
    """Neither when Maven delivers it, nor when it is changed in the cache later."""
    tools("java", JAVA.format(version="17"))
    tools("mvn", MAVEN)
    jar = find_artifacts().jars / f"kafka_2.13-{KAFKA_VERSION}.jar"
    match change:
        case "other bytes":
            jar.write_bytes(b"changed")
        case "one more":
            (jar.parent / "more.jar").touch()
        case "one less":
            jar.unlink()
        case "a folder":
            jar.unlink()
            jar.mkdir()
    with pytest.raises(LocalUsage) as caught:
        find_artifacts()

    assert caught.value.code == "jars_changed"


def test_a_download_with_a_wrong_jar_does_not_reach_the_cache(tools: Callable[[str, str], None]) -> None:
    """Maven by itself only warns about a wrong checksum."""
    tools("java", JAVA.format(version="17"))
    tools("mvn", MAVEN.replace("echo >", "echo forged >"))
    with pytest.raises(LocalUsage, match="another SHA-256") as caught:
        find_artifacts()

    assert caught.value.code == "jars_changed"
    assert not cache_folder().exists()


def test_each_jar_of_the_pinned_list_has_the_version_that_we_ship() -> None:
    """The real list, which a change of the version must change too."""
    pinned = {name: digest for digest, name in map(str.split, jar_pins.PINS.read_text("utf-8").splitlines())}

    assert f"kafka_2.13-{KAFKA_VERSION}.jar" in pinned
    assert {name.endswith(f"-{KAFKA_VERSION}.jar") for name in pinned if name.startswith("kafka")} == {True}
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in pinned.values())


def test_a_broker_that_ends_at_its_start_is_an_error_with_the_end_of_its_log(
    tools: Callable[[str, str], None], tmp_path: Path
) -> None:
    tools("java", JAVA.format(version="17"))
    tools("mvn", MAVEN)
    for attempt in (
        lambda: detached_cluster.start(tmp_path / "kafka"),
        lambda: attached_cluster(tmp_path / "other").__enter__(),
    ):
        with pytest.raises(LocalUnavailable, match="the disk of this broker has failed") as caught:
            attempt()
        assert caught.value.code == "broker_not_ready"


def test_the_wait_for_a_broker_that_does_not_answer_is_limited(tmp_path: Path) -> None:
    [broker] = layout.make(tmp_path, 1).brokers
    broker.folder.mkdir()
    with subprocess.Popen(["sh", "-c", "sleep 600", str(broker.properties)], start_new_session=True) as silent:
        broker.pid.write_text(str(silent.pid))
        try:
            with pytest.raises(LocalUnavailable, match="was not ready within"):
                await_ready([broker], probe=lambda *_: frozenset(), seconds=0.1)
        finally:
            os.killpg(silent.pid, signal.SIGKILL)


def test_another_process_with_the_same_pid_is_not_ended(tmp_path: Path) -> None:
    [broker] = layout.make(tmp_path, 1).brokers
    broker.folder.mkdir()
    broker.pid.write_text(str(os.getpid()))
    assert pid_of(broker) is None
    end([broker])

    assert not broker.pid.exists()


def test_a_server_that_is_not_kafka_lists_no_broker() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        with ThreadPoolExecutor(1) as thread:
            thread.submit(answer)
            assert known_brokers(HOST, port) == frozenset()
    assert known_brokers(HOST, port) == frozenset()  # now no program listens


def test_ports_differ_stay_the_same_and_are_not_used_for_outgoing_connections(tmp_path: Path) -> None:
    first = layout.make(tmp_path, 3)
    ports = [port for broker in first.brokers for port in (broker.port, broker.controller_port)]

    assert len(set(ports)) == 6
    assert all(20_000 <= port < 30_000 for port in ports)
    assert layout.make(tmp_path, None) == layout.read(tmp_path) == first


def test_a_folder_with_three_brokers_is_not_started_with_one_and_two_brokers_are_refused(tmp_path: Path) -> None:
    layout.make(tmp_path, 3)
    with pytest.raises(LocalUsage) as other:
        layout.make(tmp_path, 1)
    with pytest.raises(LocalUsage) as two:
        layout.make(tmp_path, 2)
    with pytest.raises(LocalUsage) as stopped:
        detached_cluster.stop(tmp_path, brokers=1)
    with pytest.raises(LocalUsage) as none:
        layout.read(tmp_path / "nowhere")

    assert [caught.value.code for caught in (other, two, stopped, none)] == [
        "broker_folder_invalid",
        "broker_count_invalid",
        "broker_folder_invalid",
        "broker_folder_invalid",
    ]


def made(folder: Path, brokers: int) -> tuple[ClusterLayout, dict[str, str], list[str]]:
    """A layout, the settings of its last broker, and the command that formats that broker."""
    folder.mkdir()
    cluster = layout.make(folder, brokers)
    broker = cluster.brokers[-1]
    program = Artifacts(java=Path("/java"), jars=Path("/jars"), java_id="17")
    return cluster, properties_of(cluster, broker), format_command(program, cluster, broker)


def test_one_broker_is_its_own_quorum_and_three_list_all_voters(tmp_path: Path) -> None:
    alone, single, format_one = made(tmp_path / "one", 1)
    together, three, format_three = made(tmp_path / "three", 3)
    voters = ",".join(f"{broker.number}@127.0.0.1:{broker.controller_port}" for broker in together.brokers)

    assert single["controller.quorum.bootstrap.servers"] == f"127.0.0.1:{alone.brokers[0].controller_port}"
    assert "controller.quorum.voters" not in single
    assert "--standalone" in format_one
    assert three["controller.quorum.voters"] == voters
    assert "controller.quorum.bootstrap.servers" not in three
    assert "--standalone" not in format_three
    assert settings(1).items() <= single.items()
    assert settings(3).items() <= three.items()


def test_three_brokers_keep_acknowledged_records_when_one_is_lost() -> None:
    three, single = settings(3), settings(1)

    assert (three["default.replication.factor"], three["min.insync.replicas"]) == ("3", "2")
    assert (single["default.replication.factor"], single["min.insync.replicas"]) == ("1", "1")
    assert {cluster["unclean.leader.election.enable"] for cluster in (single, three)} == {"false"}
    assert {cluster["auto.create.topics.enable"] for cluster in (single, three)} == {"false"}


def test_the_pom_has_the_version_of_the_code_and_names_no_repository() -> None:
    names = [element.tag.rpartition("}")[2] for element in ElementTree.parse(POM).iter()]
    versions = {element.text for element in ElementTree.parse(POM).iter() if element.tag.endswith("}version")}

    assert KAFKA_VERSION in versions
    assert not [name for name in names if "epositor" in name]


@pytest.mark.usefixtures("tools")
def test_tests_of_kafka_are_skipped_without_java_and_fail_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="mvn"):
        require_kafka()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="mvn"):
        require_kafka()


def test_a_broker_that_survives_kill_9_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pid file stays, so that no second broker starts on its data."""
    broker = layout.BrokerLayout(number=1, port=1, controller_port=2, folder=tmp_path)
    stuck = subprocess.Popen([sys.executable, "-c", "input()", str(broker.properties)], stdin=subprocess.PIPE)
    try:
        broker.pid.write_text(str(stuck.pid))
        monkeypatch.setattr(os, "kill", lambda *_: None)
        monkeypatch.setattr(process, "KILL_SECONDS_MAX", 0.0)
        with pytest.raises(LocalUnavailable) as raised:
            process.kill([broker])
    finally:
        stuck.kill()
        stuck.communicate()

    assert raised.value.code == "broker_not_stopped"
    assert broker.pid.exists()


def test_a_cache_that_cannot_be_created_is_an_error_that_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error comes before any download."""
    require_kafka()
    (tmp_path / "file").touch()
    monkeypatch.setenv("ENLACE_CACHE", str(tmp_path / "file" / "cache"))

    with pytest.raises(LocalUsage) as raised:
        find_artifacts()

    assert raised.value.code == "cache_unwritable"
    assert "ENLACE_CACHE" in raised.value.hint
