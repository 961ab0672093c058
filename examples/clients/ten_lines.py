"""Publish a report, and wait until Guatemala has stored it: python ten_lines.py REPORT

ENLACE_GATEWAY names the gateway, ENLACE_TOKEN_FILE the file with the token.
"""

import sys
from pathlib import Path

from enlace.client import Client

with Client() as client:
    accepted = client.publish(Path(sys.argv[1]).read_text("utf-8"))
    client.wait_until_stored(accepted.report_id, ["GT"])
    sys.stdout.write(f"{accepted.report_id} stored at GT\n")
