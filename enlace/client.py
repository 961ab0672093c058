"""The client of the gateway, for Python: what an integrator imports.

    from enlace.client import Client

    with Client("https://node.example:8443", token_file="token", ca_file="ca.pem") as client:
        accepted = client.publish(report)
        client.wait_until_stored(accepted.report_id, ["GT"])

`AsyncClient` has the same methods with `await`. docs/integrating.md is the manual.
"""

from enlace.answers import (
    Checked,
    Decision,
    Event,
    FieldNote,
    ItemAnswer,
    Match,
    Message,
    Preview,
    Published,
    RecipientOutcome,
    RefusedRecipient,
    ReportState,
)
from enlace.async_client import AsyncClient
from enlace.errors import (
    AnswerMalformed,
    ClientError,
    FieldProblem,
    GatewayFault,
    GatewayProblem,
    InvalidCall,
    InvalidRequest,
    NotAllowed,
    NotFound,
    NotStored,
    RateLimited,
    Refused,
    TimedOut,
    Unavailable,
)
from enlace.retries import RetryPolicy
from enlace.sync_client import Client
from enlace.webhooks import is_signature_valid
from schemas.types import IntelligenceReport

__all__ = [
    "AnswerMalformed",
    "AsyncClient",
    "Checked",
    "Client",
    "ClientError",
    "Decision",
    "Event",
    "FieldNote",
    "FieldProblem",
    "GatewayFault",
    "GatewayProblem",
    "IntelligenceReport",
    "InvalidCall",
    "InvalidRequest",
    "ItemAnswer",
    "Match",
    "Message",
    "NotAllowed",
    "NotFound",
    "NotStored",
    "Preview",
    "Published",
    "RateLimited",
    "RecipientOutcome",
    "Refused",
    "RefusedRecipient",
    "ReportState",
    "RetryPolicy",
    "TimedOut",
    "Unavailable",
    "is_signature_valid",
]
