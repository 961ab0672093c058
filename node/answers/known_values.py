"""Whether the values of a filter that found nothing are known at all: a typing error must not look like no records."""

import difflib

from node.answers import error_catalogue
from node.errors import UsageError
from node.runtime.home import Home
from schemas.excerpts import excerpt


def refuse_unknown(
    home: Home, *, code: str | None = None, originator: str | None = None, stream: str | None = None
) -> None:
    """Raise UsageError `unknown_code` about a code that the catalogue of errors lacks, a node that is a member of no
    region, or a stream that the node does not read. The path is the name of the argument.
    """
    if code is not None:
        error_catalogue.explain(code)
    members = sorted(home.topology.members)
    if originator is not None and originator not in members:
        message, hint = f"{excerpt(originator)} is not a node of this exchange", f"one of {', '.join(members)}"
        raise UsageError("unknown_code", message, path="originator", hint=hint)
    streams = sorted({place.stream for place in home.places().values()})
    if stream is not None and stream not in streams:
        nearest = difflib.get_close_matches(stream, streams, n=1, cutoff=0)
        message, hint = f"{excerpt(stream)} is not a stream that this node reads", f"did you mean {nearest[0]}?"
        raise UsageError("unknown_code", message, path="stream", hint=hint)
