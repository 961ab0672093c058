"""The commands of README.md and the manuals run as they are written, and what these pages name exists."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import postgres
from tests.support.brokers import require_kafka
from tests.support.pages import PAGES, ROOT, WALKTHROUGH, blocks, page_text, scripts

NAMING: tuple[str, ...] = (
    *(*PAGES, "CONTRIBUTING.md", "SECURITY.md"),
    *(f"docs/{name}.md" for name in ("contract", "faults", "glossary", "limits")),
)
"""Pages in which each link, path and make target must exist."""

RUN_ELSEWHERE = (WALKTHROUGH,)  # test_real_input.py runs it, as part of the whole exchange
AT_THE_END = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT"  # a page that fails leaves no daemon
SECONDS_MAX = 480  # integrating.md starts forty processes; two cores may be busy with other tests
LINE_LENGTH_MAX = 120
KNOWN_FOLDERS = "node|broker|schemas|tests|tools|docs|demo|examples|bench"
NOT_COMPARED = ("build", "__pycache__")
RUN = [(page, name) for page in PAGES if page not in RUN_ELSEWHERE for name in scripts(page)]


def checkout_files() -> set[str]:
    """Every file of the checkout, without those that tools keep in hidden folders or `build`."""
    found = set()
    for folder, subfolders, files in os.walk(ROOT):
        subfolders[:] = [name for name in subfolders if not name.startswith(".") and name not in NOT_COMPARED]
        found |= {str(Path(folder, name).relative_to(ROOT)) for name in files if not name.startswith(".")}
    return found


@pytest.fixture
def folder() -> Iterator[Path]:
    """A temporary folder with a short path, as those of `mktemp` are: the path of a socket has 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="enlace-page-") as made:
        yield Path(made)


@pytest.mark.parametrize(("page", "name"), RUN, ids=[f"{Path(page).stem}-{name}" for page, name in RUN])
def test_the_commands_of_a_page_run_as_written_and_leave_nothing_behind(page: str, name: str, folder: Path) -> None:
    """In bash, started in the checkout. Neither the checkout nor the temporary folder has a file more afterwards."""
    if name.startswith("kafka"):
        require_kafka()
    variables = {"DATABASE": postgres.database(empty=True)} if name == "postgresql" else {}
    before = checkout_files()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f"set -euo pipefail\nset -m\n{AT_THE_END}\n{scripts(page)[name]}"],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "TMPDIR": str(folder), **variables},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert list(folder.iterdir()) == []
    assert checkout_files() - before == set()


@pytest.mark.parametrize("page", PAGES)
def test_every_sh_block_is_marked_to_be_run(page: str) -> None:
    """A block that no test runs becomes wrong unnoticed."""
    assert page_text(page).count("```sh") == len(blocks(page)) > 0


def found_in_pages(pattern: str) -> list[tuple[str, str]]:
    """(page, text) of each match of the first group."""
    return sorted({(page, text) for page in NAMING for text in re.findall(pattern, page_text(page), re.MULTILINE)})


def heading_anchor(heading: str) -> str:
    """The anchor that a heading has on the pages of a repository."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize(("page", "target"), found_in_pages(r"\]\(([^):]+)\)"))
def test_every_link_of_a_page_leads_to_a_file_and_a_heading(page: str, target: str) -> None:
    """Relative to the page; `#heading` alone is on the same page."""
    name, _, anchor = target.partition("#")
    file = (ROOT / page).parent / name if name else ROOT / page

    assert file.exists()
    if anchor:
        headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
        assert anchor in {heading_anchor(heading) for heading in headings}


@pytest.mark.parametrize(("page", "path"), found_in_pages(rf"`((?:{KNOWN_FOLDERS})/[A-Za-z0-9_/.*-]*)`"))
def test_every_path_that_a_page_names_exists(page: str, path: str) -> None:
    """`*` stands for any name."""
    assert any(ROOT.glob(path.rstrip("/"))), page


@pytest.mark.parametrize(("page", "target"), found_in_pages(r"(?:^    |`)make ([a-z-]+)"))
def test_every_make_target_that_a_page_names_exists(page: str, target: str) -> None:
    """As `make demo`."""
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE), page


@pytest.mark.parametrize("page", NAMING)
def test_prose_lines_are_short(page: str) -> None:
    """Lines of tables, links and code may be longer."""
    prose = re.sub(r"```.*?```", "", page_text(page), flags=re.DOTALL).splitlines()

    assert not [line for line in prose if len(line) > LINE_LENGTH_MAX and not line.startswith(("|", "    "))]


def test_the_readme_is_short_and_lists_every_page() -> None:
    """120 lines, some more for tables; a page that is not in its index is not found."""
    text = page_text("README.md")
    pages = [path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")]

    assert text.count("\n") <= 150
    assert [page for page in pages if f"({page})" not in text] == []
