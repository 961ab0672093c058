"""The randomness of the client: keys of requests, and pauses that differ from client to client."""

import secrets

_SOURCE = secrets.SystemRandom()


def idempotency_key() -> str:
    """A key that no other request has."""
    return secrets.token_hex(16)


def chance() -> float:
    """A random number from 0 to 1."""
    return _SOURCE.random()
