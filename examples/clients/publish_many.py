"""Publish the reports of an NDJSON file, each answered as the node accepts it: python publish_many.py FILE.

A refused report does not stop the others. The answers can be kept: `line` is the line of the file.
"""

import sys
from pathlib import Path

from enlace.client import Client, ClientError


def main(file: str) -> int:
    """0: every report is accepted or known; 1: one is refused; 4: try again later, nothing is published twice."""
    refused = 0
    with Client() as client, Path(file).open("rb") as lines:
        try:
            for answer in client.publish_many(line for line in lines if line.strip()):
                errors = "; ".join(f"{error.path}: {error.message}" for error in answer.errors)
                sys.stdout.write(f"{answer.line} {answer.outcome} {answer.report_id or errors}\n")
                refused += answer.outcome == "refused"
        except ClientError as error:
            sys.stderr.write(f"{error.code}: {error.message}\n  {error.hint or ''}\n")
            return 4 if error.retriable else 2
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
