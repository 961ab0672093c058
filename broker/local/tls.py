"""TLS and rights of a local cluster that was started with `--tls`: its users, its settings, and how to connect.

Rules. Every connection, also between brokers, is TLS 1.3 with a certificate of the cluster's own authority. The name of
a user is the CN of its certificate, and there is no default rule for other names. What no right allows is refused.
"""

import datetime
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from broker.kafka.rights import PROVISIONER, Right, provisioner_rights, rights_of
from broker.local.acl_request import give
from broker.local.authority import AUTHORITY, Authority
from broker.local.layout import HOST, ClusterLayout
from broker.topology import Topology

BROKER: Final = "enlace-broker"
"""The user that the brokers are for each other; it may do everything."""

PRINCIPALS: Final = "RULE:^CN=([A-Z][A-Z0-9]+)$/$1/,RULE:^CN=(enlace-[a-z]+)$/$1/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """The users of a cluster: they get certificates before it starts, and rights when it is ready."""

    names: tuple[str, ...]
    rights: tuple[Right, ...]
    now: datetime.datetime
    """The time in UTC at which new certificates begin."""

    def issue(self, layout: ClusterLayout) -> None:
        """Make the authority and all certificates that do not exist yet."""
        if layout.tls is not None:
            authority = Authority(layout.tls, self.now)
            for name in (BROKER, PROVISIONER, *self.names):
                authority.issue(name)

    def give_rights(self, layout: ClusterLayout) -> None:
        """Give the rights; raises LocalUnavailable."""
        if layout.tls is not None:
            give(self.rights, HOST, layout.brokers[0].port, context(layout.tls, BROKER))


def users_of(topology: Topology, nodes: Iterable[str], now: datetime.datetime) -> Users:
    """These nodes of the topology and the user that makes the topics, with their rights."""
    names = tuple(nodes)
    rights = [right for name in names for right in rights_of(topology, name)]
    return Users(names=names, rights=(*rights, provisioner_rights(topology)), now=now)


def context(folder: Path, user: str) -> ssl.SSLContext:
    """How to connect as a user of the cluster."""
    made = ssl.create_default_context(cafile=folder / f"{AUTHORITY}.pem")
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.load_cert_chain(folder / f"{user}.pem", folder / f"{user}.key")
    return made


def settings(folder: Path) -> dict[str, str]:
    """The settings of a broker with TLS and rights."""
    return {
        "listener.security.protocol.map": "CONTROLLER:SSL,SSL:SSL",
        "inter.broker.listener.name": "SSL",
        "ssl.client.auth": "required",
        "ssl.enabled.protocols": "TLSv1.3",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / f"{BROKER}.store"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(folder / f"{AUTHORITY}.pem"),
        "ssl.principal.mapping.rules": PRINCIPALS,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": f"User:{BROKER}",
        "allow.everyone.if.no.acl.found": "false",
    }
