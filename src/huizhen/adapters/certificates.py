"""The region's own certificate authority (X.509, RFC 5280) and the TLS settings of both ends.

One authority per region signs the hub's certificate and one certificate per node; nobody else's certificates are
believed, and none of these is believed elsewhere. Keys are ECDSA P-256, files are readable by their owner only. A
certificate begins a day before it is issued, so that a clock that is off is told so by the messages, in words.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from huizhen.kit.errors import BadInput, Tampered
from huizhen.kit.text import Text

CA_FILE, CA_KEY, SERVER_FILE, SERVER_KEY = "ca.pem", "ca.key", "hub.pem", "hub-tls.key"
_EARLY = timedelta(days=1)
_CA_TIME, _SERVER_TIME, _NODE_TIME = timedelta(days=3653), timedelta(days=398), timedelta(days=398)
_RENEW = timedelta(days=60)
"""A certificate that ends within this time is made anew."""
_SHA = hashes.SHA256()


def write_private(path: Path, data: bytes) -> None:
    """A file that only its owner can read, whole or not at all."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def new_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The private key in that file; a new one where there is none."""
    if path.exists():
        return _read_key(path)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(path, pem)
    return key


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return key
    except ValueError:
        pass
    raise Tampered(
        "tls-key-damaged",
        Text(f"{path} is not a private key any more.", f"{path} 已不是有效私钥。"),
        Text("Restore it from a backup.", "请从备份恢复。"),
    )


def fingerprint(certificate: bytes) -> bytes:
    """SHA-256 (32 bytes) of a certificate in DER."""
    return hashlib.sha256(certificate).digest()


def der(pem: bytes) -> bytes:
    """The first certificate of a PEM file in DER. Raises BadInput."""
    try:
        return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
    except ValueError as error:
        raise BadInput(
            "bad-certificate",
            Text("This is not a certificate.", "这不是证书。"),
            Text("Ask for it again.", "请重新获取。"),
        ) from error


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def request_certificate(name: str, key: ec.EllipticCurvePrivateKey) -> bytes:
    """A certificate request (PKCS #10, DER) for a node of that name, signed with the key it is for."""
    made = x509.CertificateSigningRequestBuilder().subject_name(_named(name)).sign(key, _SHA)
    return made.public_bytes(serialization.Encoding.DER)


@dataclass(frozen=True)
class Authority:
    """The region's authority on its folder: ca.key, ca.pem, and the hub's own key and certificate beside them."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def open(cls, folder: Path, now: datetime) -> Authority:
        """The authority in that folder, made there the first time."""
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        key = new_key(folder / CA_KEY)
        path = folder / CA_FILE
        if not path.exists():
            public = key.public_key()
            name = _named(f"huizhen region {x509.SubjectKeyIdentifier.from_public_key(public).digest.hex()[:16]}")
            made = (
                _builder(name, name, public, now, _CA_TIME)
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .add_extension(_usage(certificates=True), critical=True)
                .sign(key, _SHA)
            )
            write_private(path, made.public_bytes(serialization.Encoding.PEM))
        return cls(folder, key, x509.load_pem_x509_certificate(path.read_bytes()))

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def fingerprint(self) -> bytes:
        return self.certificate.fingerprint(_SHA)

    def issue(self, name: str, request: bytes, now: datetime) -> bytes:
        """A node's certificate (PEM) for a request (DER) that is signed with its own key. Raises BadInput."""
        try:
            asked = x509.load_der_x509_csr(request)
            valid = asked.is_signature_valid and isinstance(asked.public_key(), ec.EllipticCurvePublicKey)
        except (ValueError, InvalidSignature):
            valid = False
        if not valid:
            raise BadInput(
                "bad-certificate-request",
                Text("The request for a certificate is not valid.", "证书请求无效。"),
                Text("Use the same version of Huizhen at hub and node.", "请在中心和节点使用同一版本。"),
            )
        public = asked.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)
        made = self._leaf(name, public, now, _NODE_TIME, ExtendedKeyUsageOID.CLIENT_AUTH, [])
        return made.public_bytes(serialization.Encoding.PEM)

    def serve(self, names: Sequence[str], now: datetime) -> None:
        """See to it that hub.pem is there, is for these names (hosts or addresses) and lasts a while."""
        path = self.folder / SERVER_FILE
        key = new_key(self.folder / SERVER_KEY)
        if path.exists():
            held = x509.load_pem_x509_certificate(path.read_bytes())
            good = held.not_valid_after_utc > now + _RENEW and held.public_key() == key.public_key()
            if good and set(names) <= set(names_of(held)):
                return
        made = self._leaf(names[0], key.public_key(), now, _SERVER_TIME, ExtendedKeyUsageOID.SERVER_AUTH, names)
        write_private(path, made.public_bytes(serialization.Encoding.PEM))

    def _leaf(
        self,
        name: str,
        public: ec.EllipticCurvePublicKey,
        now: datetime,
        time: timedelta,
        use: x509.ObjectIdentifier,
        names: Sequence[str],
    ) -> x509.Certificate:
        builder = (
            _builder(_named(name), self.certificate.subject, public, now, time)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_alternative(n) for n in names]), critical=False
            )
        return builder.sign(self.key, _SHA)


def names_of(certificate: x509.Certificate) -> list[str]:
    """Hosts and addresses that a server's certificate is for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]


def key_digest(certificate: bytes) -> str:
    """SHA-256 in hexadecimal of the public key (SubjectPublicKeyInfo) of a certificate in DER: it outlives renewals."""
    public = x509.load_der_x509_certificate(certificate).public_key()
    return hashlib.sha256(
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).hexdigest()


def ends(pem: bytes) -> datetime:
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc


def ends_soon(pem: bytes, now: datetime) -> bool:
    """Whether a certificate is to be made anew."""
    return ends(pem) < now + _RENEW


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, time: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLY)
        .not_valid_after(now + time)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(certificates: bool) -> x509.KeyUsage:
    """What a key may do: sign certificates, or sign in a handshake."""
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def server_context(folder: Path) -> ssl.SSLContext:
    """TLS of the hub: 1.2 or newer; a client may come without a certificate, but with none that is not ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder / SERVER_FILE, folder / SERVER_KEY)
    context.load_verify_locations(folder / CA_FILE)
    context.verify_mode = ssl.CERT_OPTIONAL
    return context


def client_context(ca: Path, certificate: Path | None = None, key: Path | None = None) -> ssl.SSLContext:
    """TLS of a node: 1.2 or newer; believes this authority and no other, and shows its own certificate if given."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(ca)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def unverified_context() -> ssl.SSLContext:
    """TLS that believes anyone: only to fetch an authority's certificate, to be held against its fingerprint."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
