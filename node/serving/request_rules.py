"""What is wrong with the head of a request, although the parser accepts it. Pure.

A request that two programs could read differently is refused: a proxy in front of the gateway might see another one
(request smuggling, RFC 9112, section 11.2).
"""

import re
from typing import Final

from node.serving.limits import BODY_SIZE_BYTES_MAX, HEADER_SIZE_BYTES_MAX, HEADERS_MAX
from node.serving.raw_problem import RawProblem

_HOST: Final = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%\[\]:-]*")


def problem_of(method: bytes, version: str, headers: list[tuple[bytes, bytes]]) -> RawProblem | None:
    """What is wrong with a request that the parser accepts; None if nothing is."""
    names = [name for name, _ in headers]
    hosts = [value for name, value in headers if name == b"host"]
    if version not in ("1.0", "1.1"):
        return RawProblem(505, "http_version_unsupported", "the gateway speaks HTTP/1.1")
    if len(hosts) > 1 or (version == "1.1" and not hosts) or any(not _HOST.fullmatch(host) for host in hosts):
        return RawProblem(400, "request_malformed", "a request needs one header Host", hint="RFC 9112, section 3.2")
    if method == b"CONNECT":
        return RawProblem(405, "method_not_allowed", "the gateway is not a proxy")
    codings = [value.lower() for name, value in headers if name == b"transfer-encoding"]
    if codings and (version == "1.0" or b"content-length" in names):
        return RawProblem(400, "request_malformed", "the request gives the length of its body in two ways")
    if codings not in ([], [b"chunked"]):
        return RawProblem(400, "request_malformed", "the only transfer coding is chunked")
    lengths = [value for name, value in headers if name == b"content-length"]
    if len(lengths) > 1:
        return RawProblem(400, "request_malformed", "the request gives the length of its body twice")
    if lengths and int(lengths[0]) > BODY_SIZE_BYTES_MAX:
        return body_too_long()
    return None


def head_too_long() -> RawProblem:
    """The line of the request and its headers are too long, or too many."""
    message = f"the headers are longer than {HEADER_SIZE_BYTES_MAX:,} bytes, or more than {HEADERS_MAX}"
    return RawProblem(431, "headers_too_long", message)


def body_too_long() -> RawProblem:
    """The body is longer than any endpoint takes."""
    return RawProblem(413, "body_too_long", f"the body is longer than {BODY_SIZE_BYTES_MAX:,} bytes")
