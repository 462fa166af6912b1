"""The hub's side of enrolment: invitations, certificates, revocation. Each is one transaction, and on the ledger."""

from __future__ import annotations

import logging
from datetime import timedelta

from sqlalchemy import delete, insert, select, update

from huizhen.adapters import certificates, mail_table
from huizhen.adapters import database as db
from huizhen.adapters.certificates import Authority
from huizhen.adapters.enrolment import Application, Code, Welcome
from huizhen.hub import nats
from huizhen.hub.hub import Hub
from huizhen.kit.clock import stamp
from huizhen.kit.errors import Conflict, NotFound, Refused
from huizhen.kit.keys import check_signature
from huizhen.kit.text import Text, did_you_mean

LOG = logging.getLogger("huizhen")


class Enrolment:
    """Of one hub, under its region's certificate authority."""

    def __init__(self, hub: Hub, authority: Authority) -> None:
        self.hub = hub
        self.authority = authority

    def invite(self, node: str, hours: float) -> tuple[Code, str]:
        """A new one-time code, and until when (RFC 3339) it may be used; an earlier one for that name is void.

        Raises Conflict where there is a node of that name.
        """
        if node in self.hub.store.all_nodes():
            raise _taken(node)
        self.hub.touch()
        code = Code.new(node, self.authority.fingerprint)
        until = stamp(self.hub.clock() + timedelta(hours=hours))
        with self.hub.store.record() as record:
            c = record.connection
            c.execute(delete(db.invite).where(db.invite.c.node == node))
            c.execute(insert(db.invite).values(hash=code.hash, node=node, until_utc=until))
        return code, until

    def enrol(self, asked: Application) -> Welcome:
        """Let a node in. Asked again by the same node, whose connection was cut, it answers the same.

        Raises Refused for a code that is unknown, used or too old, and for a signature that does not hold.
        """
        if not check_signature(asked.identity, asked.signature, asked.signed_bytes()):
            raise Refused(
                "identity-not-shown",
                Text("The application is not signed by the key it names.", "申请未由其所列密钥签名。"),
                Text("Run `huizhen node enrol` again.", "请重新运行 `huizhen node enrol`。"),
            )
        code = Code("", asked.secret, b"")
        self.hub.touch()
        with self.hub.store.record() as record:
            c = record.connection
            row = c.execute(select(db.invite).where(db.invite.c.hash == code.hash)).first()
            again = row is not None and row.used_by == asked.identity.hex()
            if row is None or (row.used_by is not None and not again) or row.until_utc < stamp(self.hub.clock()):
                raise Refused(
                    "code-not-valid",
                    Text("This code is unknown, used or too old.", "该邀请码不存在、已使用或已过期。"),
                    Text("Ask the trustee for a new one (`huizhen hub invite`).", "请向受托方索取新的邀请码。"),
                )
            pem = self.authority.issue(row.node, asked.request, self.hub.clock())
            key = certificates.key_digest(certificates.der(pem))
            if not again:
                record.add_node(row.node, asked.identity.hex())
                c.execute(update(db.invite).where(db.invite.c.hash == code.hash).values(used_by=asked.identity.hex()))
                record.evidence("node-enrolled", "hub", row.node, {}, key=asked.identity.hex())
            c.execute(update(db.node).where(db.node.c.name == row.node).values(tls_key=key))
        nats.refresh(self.hub, self.authority)
        LOG.info("node %s is enrolled", row.node)
        return Welcome(row.node, pem.decode(), self.hub.key.public.hex(), self.hub.vkey)

    def renew(self, tls_key: str, request: bytes) -> bytes:
        """A new certificate (PEM) for a node under the TLS key that it has shown. Raises Refused for another key."""
        with self.hub.engine.connect() as c:
            node = mail_table.enrolled(c, [tls_key]).get(tls_key)
        if node is not None:
            pem = self.authority.issue(node, request, self.hub.clock())
            if certificates.key_digest(certificates.der(pem)) == tls_key:
                return pem
        raise Refused(
            "renewal-refused",
            Text("A certificate is renewed for the same node and key only.", "证书只能为同一节点和密钥续期。"),
            Text("Enrol the node anew.", "请重新登记该节点。"),
        )

    def revoke(self, node: str) -> None:
        """From now on the node is spoken to no more, whatever certificate it shows. Raises NotFound."""
        known = self.hub.store.all_nodes()
        if node not in known:
            hint = did_you_mean(node, known)
            raise NotFound(
                "no-such-node",
                Text(f"There is no node '{node}'{hint.en}.", f"没有节点“{node}”{hint.zh}。"),
                Text(f"The nodes are: {', '.join(known)}.", f"现有节点：{'、'.join(known)}。"),
            )
        self.hub.touch()
        with self.hub.store.record() as record:
            c = record.connection
            c.execute(
                update(db.node)
                .where(db.node.c.name == node, db.node.c.revoked_utc.is_(None))
                .values(revoked_utc=record.at_utc)
            )
            record.evidence("node-revoked", "hub", node, {})
            mail_table.tell_others(c, "hub")
        nats.refresh(self.hub, self.authority)


def _taken(node: str) -> Conflict:
    return Conflict(
        "node-exists",
        Text(f"There is a node '{node}' already.", f"已有名为“{node}”的节点。"),
        Text("Choose another name.", "请换一个名称。"),
    )
