"""The folder of the public data that tests read. It is outside the repository, and nothing is copied into it."""

import os
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DATA: Final = Path(os.environ.get("ENLACE_DATA") or ROOT.parent / "shared" / "data").resolve()
"""`ENLACE_DATA`, or `../shared/data`."""
