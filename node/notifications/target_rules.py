"""What the configuration of a node allows for the targets of webhooks, and whose certificates it trusts."""

import ssl

from node.errors import UsageError
from node.notifications.targets import TargetRules
from node.runtime.home import Home


def rules_of(home: Home) -> TargetRules:
    """The rules that [gateway] sets."""
    section = home.config.gateway
    return TargetRules(allow_private=section.webhooks_private, allow_plaintext=section.unsafe_webhooks_plaintext)


def tls_of(home: Home) -> ssl.SSLContext:
    """The authorities of the configured file, else those of the system. Raises UsageError."""
    name = home.config.gateway.webhooks_ca_file
    file = None if name is None else home.path / name
    try:
        return ssl.create_default_context(cafile=None if file is None else str(file))
    except (OSError, ssl.SSLError) as error:
        message = f"{file}: {error.strerror or 'it is not a PEM file of certificates'}"
        raise UsageError("file_unreadable", message, path="gateway.webhooks_ca_file") from None
