"""The files that commands write: none overwrites a file, and a wrong place is an error of usage."""

import hashlib
import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.support.contract import cli
from tests.support.processes import agreement, lab

MAPPING: Final = Path(__file__).parents[2] / "examples" / "mappings" / "seizures-colombia.toml"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return lab(tmp_path_factory.mktemp("outputs"), ["BZ", "GT"], agreement("BZ-GT", ["BZ", "GT"]))["BZ"]


def outputs(home: Path, folder: Path) -> dict[str, tuple[list[object], str]]:
    """Command -> its arguments without the output, and the option or argument that names the output."""
    shutil.copyfile(MAPPING, folder / "mapping.toml")
    (folder / "rows.json").write_text("[]")
    return {
        "import": (["import", folder / "mapping.toml", folder / "rows.json", "--home", home], "--report"),
        "keygen": (["governance", "keygen", "TR1"], ""),
    }


@pytest.mark.parametrize("command", ["import", "keygen"])
def test_no_output_overwrites_a_file(home: Path, tmp_path: Path, command: str) -> None:
    """Neither a key file, nor an input of the same command."""
    arguments, option = outputs(home, tmp_path)[command]
    keys = home / "unsafe-keys.json"
    before = hashlib.sha256(keys.read_bytes()).digest()
    for taken in (keys, tmp_path / "rows.json", tmp_path / "mapping.toml"):
        content = taken.read_bytes()
        ran = cli(*arguments, *([option] if option else []), taken)
        assert (ran.exit, taken.read_bytes()) == (2, content)
        assert (ran.error["code"], ran.error["hint"]) == ("file_exists", "name another file")

    assert hashlib.sha256(keys.read_bytes()).digest() == before


@pytest.mark.parametrize("command", ["import", "keygen"])
def test_an_output_in_a_folder_that_is_missing_is_an_error_of_usage(home: Path, tmp_path: Path, command: str) -> None:
    arguments, option = outputs(home, tmp_path)[command]
    ran = cli(*arguments, *([option] if option else []), tmp_path / "missing" / "file")

    assert (ran.exit, ran.error["code"]) == (2, "file_unwritable")
    assert not (tmp_path / "missing").exists()
