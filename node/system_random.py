"""The operating system's source of randomness: the only module that reads it."""

import os


def random_bytes(size: int) -> bytes:
    """Return `size` bytes from the operating system's cryptographic random source."""
    return os.urandom(size)
