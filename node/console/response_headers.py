"""The headers that every answer of the console carries. Pure.

The policy admits one script and one style sheet of the console itself, nothing inline and nothing from another origin;
so a text that became markup by an error could still load and run nothing.
"""

from collections.abc import Mapping
from typing import Final

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

PAGE_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Of a page: no cache keeps it, and no other site can frame it, read it or learn its address."""

ASSET_HEADERS: Final[Mapping[str, str]] = {**PAGE_HEADERS, "Cache-Control": "public, max-age=3600"}
"""Of the script, the style sheet and the icon, which contain no data."""
