"""The secrets of webhooks: the store has them encrypted, and their key is in a file of the home.

A copy of the store, or a backup without keys, contains no secret. If the key file is lost, each webhook needs to be
made again.
"""

from pathlib import Path

from node.errors import UsageError
from node.files import write_file
from node.sealing import secret_box
from node.secret_files import SECRET_MODE, read_secret
from node.system_random import random_bytes
from node.webhooks.webhooks import KEY_FILE


def close_secret(home: Path, webhook: str, secret: str) -> bytes:
    """Encrypt the secret of a webhook; the key file is made with the first one. Raises UsageError."""
    file = home / KEY_FILE
    if not file.exists():
        try:
            write_file(file, random_bytes(secret_box.KEY_SIZE_BYTES), mode=SECRET_MODE)
        except UsageError as error:
            if error.code != "file_exists":  # another process was faster
                raise
    nonce = random_bytes(secret_box.NONCE_SIZE_BYTES)
    return secret_box.close(_key(file), secret.encode(), webhook.encode(), nonce)


def open_secret(home: Path, webhook: str, box: bytes) -> bytes | None:
    """The secret of a webhook as bytes; None if the key file is lost or is another one. Raises UsageError."""
    file = home / KEY_FILE
    return secret_box.open_box(_key(file), box, webhook.encode()) if file.exists() else None


def _key(file: Path) -> bytes:
    key = read_secret(file)
    if len(key) != secret_box.KEY_SIZE_BYTES:
        message = f"{file} does not contain a key of {secret_box.KEY_SIZE_BYTES} bytes"
        raise UsageError("webhook_key_malformed", message, path=str(file), hint="restore the file from its backup")
    return key
