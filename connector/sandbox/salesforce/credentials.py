"""Keys for a stand-in, made when it starts and never written to a repository."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True)
class Credentials:
    """A connected app and its user: for client credentials key and secret, for JWT bearer key, user and RSA pair."""

    consumer_key: str
    consumer_secret: str = field(repr=False)
    username: str
    private_key: str = field(repr=False)
    public_key: str = field(repr=False)


def make_credentials(username: str = "integration@sandbox.example") -> Credentials:
    """Make a new connected app with its own 2048-bit RSA pair in PEM."""
    pair = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return Credentials(
        consumer_key="3MVG9" + secrets.token_urlsafe(60).replace("-", "."),
        consumer_secret=secrets.token_hex(32).upper(),
        username=username,
        private_key=pair.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        public_key=pair.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode(),
    )
