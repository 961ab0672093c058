"""Every command in the README runs as it stands there, and every file that it names exists."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.brokers import require_kafka

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"<!-- run: ([a-z-]+) -->\n```sh\n(.*?)```", re.DOTALL)
SEPARATE = ("real-input",)  # test_real_input.py runs it, as part of the whole exchange


def scripts() -> dict[str, str]:
    """The blocks of the README by name; blocks of one name follow each other in one shell."""
    found: dict[str, str] = {}
    for name, text in BLOCK.findall(README):
        found[name] = found.get(name, "") + text
    return found


@pytest.mark.parametrize("name", [name for name in scripts() if name not in SEPARATE])
def test_the_commands_of_the_readme_run_as_they_stand(name: str, tmp_path: Path) -> None:
    if name == "kafka":
        require_kafka()
    for folder in ("demo", "examples"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = f"set -euo pipefail\nset -m\n{scripts()[name]}"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_sh_block_is_marked_to_be_run() -> None:
    assert README.count("```sh") == len(BLOCK.findall(README))


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_file_that_the_readme_links_exists(target: str) -> None:
    assert (ROOT / target).exists()


@pytest.mark.parametrize("module", sorted(set(re.findall(r"`((?:node|broker|schemas|tests)/[a-z_/.]*)`", README))))
def test_every_module_that_the_readme_names_exists(module: str) -> None:
    assert (ROOT / module).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"^    make ([a-z]+)", README, re.MULTILINE))))
def test_every_make_target_that_the_readme_names_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
