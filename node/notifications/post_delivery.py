"""One attempt of a delivery: POST to the target, and what it answered.

Every wait is limited, and so is what is read of the answer. No redirect is followed: the signature and the message are
for the target that an administrator named.
"""

import asyncio
import ssl
from collections.abc import Sequence
from typing import Final

import httpcore

from node.notifications.retry_rule import DELIVERED, Answer, retry_after_ms
from node.notifications.target_connection import TargetForbiddenError
from node.notifications.targets import Target

ATTEMPT_SECONDS_MAX: Final = 15.0  # from the look-up of the name to the end of the answer
CONNECT_SECONDS_MAX: Final = 5.0
SILENCE_SECONDS_MAX: Final = 10.0  # of the target, while it reads or answers
ANSWER_SIZE_BYTES_MAX: Final = 65_536  # of its body; the rest is not read

FORBIDDEN: Final = "target_forbidden"
SECRET_LOST: Final = "secret_lost"  # noqa: S105 - a code
EXPIRED: Final = "expired"

_TIMEOUT: Final = {
    "connect": CONNECT_SECONDS_MAX,
    "read": SILENCE_SECONDS_MAX,
    "write": SILENCE_SECONDS_MAX,
    "pool": CONNECT_SECONDS_MAX,
}


async def post(
    pool: httpcore.AsyncConnectionPool, target: Target, body: bytes, headers: Sequence[tuple[str, str]]
) -> Answer:
    """Send one request; an error of the target or of the network is an answer too."""
    try:
        async with asyncio.timeout(ATTEMPT_SECONDS_MAX):
            return await _post(pool, target, body, headers)
    except TargetForbiddenError:
        return Answer(status=None, error=FORBIDDEN, is_final=True)
    except (TimeoutError, httpcore.TimeoutException):
        return Answer(status=None, error="target_timed_out")
    except httpcore.ConnectError as error:
        return Answer(status=None, error="tls_failed" if _is_tls(error) else "target_unreachable")
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, OSError):
        return Answer(status=None, error="answer_malformed")


async def _post(
    pool: httpcore.AsyncConnectionPool, target: Target, body: bytes, headers: Sequence[tuple[str, str]]
) -> Answer:
    url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.path)
    async with pool.stream("POST", url, headers=headers, content=body, extensions={"timeout": _TIMEOUT}) as response:
        read = 0
        async for part in response.aiter_stream():
            read += len(part)
            if read > ANSWER_SIZE_BYTES_MAX:
                break
        asked = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"")
        return Answer(
            status=response.status,
            error=None if response.status in DELIVERED else "target_refused",
            retry_after_ms=retry_after_ms(asked.decode("latin-1")),
        )


def _is_tls(error: BaseException) -> bool:
    """Whether the connection failed because of TLS."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
