"""The commands that `make demo` suggests at its end. `make demo` itself takes a minute and is not run here."""

import shlex
import subprocess
from pathlib import Path

from demo.show import HERE, suggestions
from tests.support.processes import ok, running, settle


def test_each_command_that_the_demonstration_suggests_works_when_its_daemons_have_ended(tmp_path: Path) -> None:
    (tmp_path / "agreements").mkdir()
    (tmp_path / "agreements" / "bz-gt.toml").write_text((HERE / "agreements" / "bz-gt-border.toml").read_text())
    exchange = tmp_path / "exchange"
    [lab] = ok("lab", exchange, "--nodes", "BZ,GT", "--agreements", tmp_path / "agreements")
    homes = {code: Path(home) for code, home in lab["nodes"].items()}
    with running(*homes.values()):
        ok("publish", HERE / "reports" / "bz-chiquibul.json", home=homes["BZ"])
        settle(*homes.values())

    answers = {}
    for command in suggestions(exchange, homes):
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command
        answers[shlex.split(command)[1]] = done.stdout

    assert "Chiquibul" in answers["search"]
    assert "BZ" in answers["status"]
    assert "BZ-GT-BORDER" in answers["governance"]
    assert "root_missing" not in answers["governance"]
