"""Limits of connections: how many, how long, how large. One caller must not take the gateway from the others."""

from typing import Final

HEADER_SIZE_BYTES_MAX: Final = 32 * 1024  # the line of the request and all headers
HEADERS_MAX: Final = 100
PIPELINED_MAX: Final = 8  # requests that a connection may send before the first one is answered
BODY_SIZE_BYTES_MAX: Final = 64 * 1024 * 1024  # of any request; endpoints have lower limits of their own
HANDSHAKE_SECONDS_MAX: Final = 10.0  # of TLS
HEADER_SECONDS_MAX: Final = 10.0  # from the first byte of a request, or from the connection, to the end of the headers
BODY_SILENCE_SECONDS_MAX: Final = 15.0  # between two pieces of a body
BODY_SECONDS_MAX: Final = 300.0  # for a whole body
IDLE_SECONDS_MAX: Final = 15  # between two requests
PIECE_SIZE_BYTES_MAX: Final = 64 * 1024  # of an answer, written when the client has taken the piece before
WRITE_SECONDS_MAX: Final = 30.0  # for a piece; a slow line takes 2 KB a second, and less is a client that is gone
LINGER_SECONDS_MAX: Final = 2.0  # after a refusal, so that the client reads it before the connection is reset
CLOSE_SECONDS_MAX: Final = 10.0  # for the last pieces of an answer and the farewell of TLS
ADDRESS_SHARE: Final = 2  # one address may have this part (1/2) of all connections
DESCRIPTORS_KEPT: Final = 256  # for the store, the log and the files of the node
CONNECTIONS_MIN: Final = 16  # with fewer, the gateway does not start
TLS_SIZE_BYTES: Final = 320 * 1024  # memory of a connection with TLS: 287 KiB measured on CPython 3.11, and a reserve
MEMORY_SHARE: Final = 3  # connections may take this part (1/3) of node.memory_mb
ACCEPTED_TOGETHER_MAX: Final = 64  # then the rest of the node has its turn
STOP_SECONDS_MAX: Final = 4.0  # for answers that run when the node stops; a daemon has six
