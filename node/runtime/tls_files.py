"""The files for TLS in the folder of certificates that `broker local start --tls` makes."""

from pathlib import Path
from typing import Final

from node.errors import UsageError

PROVISIONER: Final = "enlace-provisioner"
"""The user that makes the topics."""


def tls_files(folder: Path, user: str) -> dict[str, str]:
    """The keys of [bus] for a user; UsageError if the folder does not have its certificate."""
    named = {
        "ca_file": folder / "ca.pem",
        "certificate_file": folder / f"{user}.pem",
        "key_file": folder / f"{user}.key",
    }
    for file in named.values():
        if not file.is_file():
            message = f"{file} is missing"
            raise UsageError("file_unreadable", message, path="certificates", hint="name the folder of certificates")
    return {key: str(file.resolve()) for key, file in named.items()}
