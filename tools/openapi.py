"""Writes docs/openapi.json from the table of endpoints: `python -m tools.openapi`."""

import json
import sys
from typing import Final

from node.gateway.endpoints import ENDPOINTS
from node.gateway.openapi import openapi_document
from tools.source_modules import PROJECT

FILE: Final = PROJECT / "docs" / "openapi.json"


def text() -> str:
    """The text of the file."""
    return json.dumps(openapi_document(ENDPOINTS), indent=2, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file."""
    FILE.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
