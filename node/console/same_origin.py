"""Whether a POST comes from a page of this console. Pure.

Browsers say where a request comes from: `Sec-Fetch-Site`, which no page can set, and `Origin`. Every POST must also
carry the text of its session (sessions.py), and the cookie is `SameSite=Strict`; these headers are the second defence.
A program that sends neither header is not a browser, so no other site can have made it send the request.
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

_OWN: Final = ("same-origin", "none")  # `none`: the user repeats the request


def is_same_origin(headers: Mapping[str, str]) -> bool:
    """Whether a request with these headers can be one of this console."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in _OWN
    origin = headers.get("origin")
    if origin is None:
        return True
    try:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower() != ""
    except ValueError:
        return False
