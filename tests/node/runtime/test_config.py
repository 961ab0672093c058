"""node.toml, its variables and topology.toml."""

import os
from pathlib import Path

import pytest

from broker import topology as topologies
from node.errors import UsageError
from node.runtime import config
from schemas.types import LogLevel

MINIMAL = '[node]\nid = "BZ"\n[bus]\nurl = "sqlite:////tmp/log.db"\n'


def home(folder: Path, text: str = MINIMAL, topology: str | None = None) -> Path:
    (folder / "node.toml").write_text(text)
    if topology is not None:
        (folder / "topology.toml").write_text(topology)
    return folder


def error_of(folder: Path, text: str = MINIMAL, environ: dict[str, str] | None = None) -> UsageError:
    with pytest.raises(UsageError) as error:
        config.load(home(folder, text), environ or {})
    return error.value


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    """Only the node's code and the bus have none."""
    loaded = config.load(home(tmp_path), {})

    assert (loaded.node.id, loaded.bus.url, loaded.keys.file) == ("BZ", "sqlite:////tmp/log.db", "keys.json")
    assert (loaded.node.processes, loaded.node.community, loaded.keys.passphrase_file) == (1, None, None)
    assert loaded.log.level is LogLevel.info


def test_every_key_of_the_contract_is_there(tmp_path: Path) -> None:
    """`config explain` lists them with their meaning."""
    keys = [setting.key for setting in config.explain(home(tmp_path), {})]

    expected = (
        "node.id node.community node.processes node.memory_mb bus.url bus.ca_file bus.certificate_file bus.key_file "
        "bus.unsafe_plaintext store.url store.connections_max store.connect_seconds_max store.lock_seconds_max "
        "store.statement_seconds_max store.unsafe_plaintext keys.file keys.passphrase_file keys.agree_file "
        "gateway.listen gateway.certificate_file gateway.key_file gateway.client_ca_file gateway.socket "
        "gateway.users gateway.connections_max gateway.console gateway.webhooks_private gateway.webhooks_ca_file "
        "gateway.unsafe_webhooks_plaintext drop.folder drop.mapping log.level log.format "
    )
    assert keys == expected.split()


def test_a_variable_stands_before_the_file_and_the_file_before_the_default(tmp_path: Path) -> None:
    """ENLACE_HOME has no second underscore, so it is not a key."""
    environ = {
        "ENLACE_BUS__URL": "kafka://host:9092",
        "ENLACE_KEYS__PASSPHRASE_FILE": "/run/secrets/keys",
        "ENLACE_NODE__MEMORY_MB": "1024",
        "ENLACE_HOME": "/elsewhere",
    }
    loaded = config.load(home(tmp_path, MINIMAL + '[log]\nlevel = "debug"\n'), environ)

    assert (loaded.bus.url, loaded.keys.passphrase_file) == ("kafka://host:9092", "/run/secrets/keys")
    assert (loaded.node.memory_mb, loaded.log.level) == (1024, LogLevel.debug)
    sources = {setting.key: setting.source for setting in config.explain(tmp_path, environ)}
    assert (sources["bus.url"], sources["log.level"], sources["log.format"]) == (
        "ENLACE_BUS__URL",
        "node.toml",
        "default",
    )


@pytest.mark.parametrize(
    ("text", "path", "nearest"),
    [
        (MINIMAL + "ulr = 1\n", "bus.ulr", "bus.url"),
        (MINIMAL + "[keyz]\n", "keyz", "keys"),
        ('url = "x"\n' + MINIMAL, "url", "bus.url"),
        (MINIMAL + '[keys]\npassphrase = "x"\n', "keys.passphrase", "keys.passphrase_file"),
        (MINIMAL + '[log]\nid = "x"\n', "log.id", "node.id"),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(tmp_path: Path, text: str, path: str, nearest: str) -> None:
    """In the same table first, or of that name in another."""
    error = error_of(tmp_path, text)

    assert (error.code, error.path, error.hint) == ("unknown_key", path, f"did you mean {nearest}?")
    assert error.exit_code == 2


def test_a_variable_can_name_a_file_that_holds_the_value(tmp_path: Path) -> None:
    """As container platforms hand out secrets; a key that ends like this is still that key."""
    secret = tmp_path / "secret"
    secret.write_text("kafka://user:word@127.0.0.1:9092\n")
    environ = {"ENLACE_BUS__URL_FILE": str(secret), "ENLACE_KEYS__PASSPHRASE_FILE": "phrase"}
    loaded = config.load(home(tmp_path), environ)
    shown = {setting.key: (setting.value, setting.source) for setting in config.explain(tmp_path, environ)}

    assert (loaded.bus.url, loaded.keys.passphrase_file) == ("kafka://user:word@127.0.0.1:9092", "phrase")
    assert shown["bus.url"] == ("kafka://user:***@127.0.0.1:9092", "ENLACE_BUS__URL_FILE")


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"ENLACE_BUS__URL_FILE": "nowhere"}, "file_unreadable"),
        ({"ENLACE_BUS__URL_FILE": "/dev/null", "ENLACE_BUS__URL": "sqlite:///x"}, "value_invalid"),
    ],
)
def test_a_file_of_a_variable_that_is_not_there_or_one_too_many_is_named(
    tmp_path: Path, environ: dict[str, str], code: str
) -> None:
    """The node does not guess which of the two was meant."""
    error = error_of(tmp_path, environ=environ)

    assert (error.code, error.path) == (code, "bus.url" if code == "value_invalid" else "bus.url_file")


def test_a_file_of_a_variable_that_is_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    """Nobody may ever write into it, and a command must not wait for that."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    error = error_of(tmp_path, environ={"ENLACE_BUS__URL_FILE": str(pipe)})

    assert (error.code, error.path) == ("file_unreadable", "bus.url_file")


@pytest.mark.parametrize(("text", "value"), [("true", True), ("False", False)])
def test_a_boolean_in_a_variable_is_converted(tmp_path: Path, text: str, value: bool) -> None:
    assert config.load(home(tmp_path), {"ENLACE_BUS__UNSAFE_PLAINTEXT": text}).bus.unsafe_plaintext is value


def test_a_text_that_is_not_a_boolean_is_refused(tmp_path: Path) -> None:
    error = error_of(tmp_path, environ={"ENLACE_BUS__UNSAFE_PLAINTEXT": "perhaps"})

    assert (error.code, error.path) == ("value_invalid", "bus.unsafe_plaintext")


def test_an_unknown_variable_is_named(tmp_path: Path) -> None:
    """A misspelt variable would otherwise be without effect."""
    error = error_of(tmp_path, environ={"ENLACE_BUS__ULR": "x"})

    assert (error.code, error.path, error.hint) == ("unknown_key", "bus.ulr", "did you mean bus.url?")
    assert "ENLACE_BUS__ULR" in error.message


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (MINIMAL.replace("BZ", "bz"), "node.id"),
        (MINIMAL + '[log]\nlevel = "loud"\n', "log.level"),
        (MINIMAL.replace('id = "BZ"', 'id = "BZ"\nprocesses = 0'), "node.processes"),
        (MINIMAL.replace('id = "BZ"', 'id = "BZ"\nprocesses = "2"'), "node.processes"),
        (MINIMAL.replace('id = "BZ"', 'id = "BZ"\ncommunity = "AAAA"'), "node.community"),
        ("[node]\n" + MINIMAL.partition("\n")[2].partition("[bus]")[0], "bus"),
    ],
)
def test_a_wrong_value_is_named_with_its_path(tmp_path: Path, text: str, path: str) -> None:
    """A file's numbers are numbers."""
    error = error_of(tmp_path, text)

    assert (error.code, error.path) == ("value_invalid", path)


@pytest.mark.parametrize("text", ["[node\nid = 1\n", '[node]\nid = "BZ"\nid = "GT"\n'])
def test_a_file_that_is_no_toml_is_refused(tmp_path: Path, text: str) -> None:
    """With the line."""
    error = error_of(tmp_path, text)

    assert error.code == "toml_malformed"
    assert "line" in error.message


def test_a_home_without_its_file_is_refused(tmp_path: Path) -> None:
    """With the path."""
    with pytest.raises(UsageError) as error:
        config.load(tmp_path, {})
    assert error.value.code == "file_unreadable"


def test_passwords_are_masked(tmp_path: Path) -> None:
    """In addresses, wherever the form puts them."""
    environ = {
        "ENLACE_STORE__URL": "postgresql+psycopg://node:sec@ret@host/db?sslpassword=secret",
        "ENLACE_BUS__URL": "kafka://host:9092?user=a&password=secret",
    }
    shown = {setting.key: setting.value for setting in config.explain(home(tmp_path), environ)}

    assert shown["store.url"] == "postgresql+psycopg://node:***@host/db?sslpassword=***"
    assert shown["bus.url"] == "kafka://host:9092?user=a&password=***"


def test_without_a_file_the_shipped_topology_holds(tmp_path: Path) -> None:
    """Sixty states in five regions."""
    assert config.topology(home(tmp_path)) == topologies.default()


def test_a_topology_file_replaces_it(tmp_path: Path) -> None:
    """Whole."""
    text = 'replication = 1\n[[region]]\nid = "caribbean"\nmembers = ["BZ","JM"]\nretention_days = 7\n'
    topology = config.topology(home(tmp_path, topology=text))

    assert (topology.replication, topology.members) == (1, ("BZ", "JM"))
    assert topology.regions[0].retention_days == 7


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        ('[[region]]\nid = "a"\nmembers = ["BZ"]\nretention = 7\n', "unknown_key", "region[0].retention"),
        ('[[region]]\nid = "a"\nmembers = ["BZ","BZ"]\nretention_days = 7\n', "topology_invalid", "region"),
        ('[[region]]\nid = "A"\nmembers = ["BZ"]\nretention_days = 7\n', "value_invalid", "region[0].id"),
    ],
)
def test_a_wrong_topology_is_refused(tmp_path: Path, text: str, code: str, path: str) -> None:
    """As strictly as the configuration."""
    with pytest.raises(UsageError) as error:
        config.topology(home(tmp_path, topology=text))
    assert (error.value.code, error.value.path) == (code, path)
