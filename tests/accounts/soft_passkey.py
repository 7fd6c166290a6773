"""A passkey in software: what a device would answer, so that each byte of it can be made wrong."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_encode

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class SoftPasskey:
    """origin: where the browser says it is. count: of uses, 0 for one that does not count."""

    origin: str
    flags: int = PRESENT | VERIFIED
    count: int = 0
    handle: str = ""
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def host(self) -> str:
        return self.origin.partition("://")[2].partition(":")[0]

    def make(self, options: dict[str, Any]) -> str:
        self.handle = options["user"]["id"]
        public = cbor.encode(ES256.from_cryptography_key(self.key.public_key()))
        credential = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public
        data = self._data(self.flags | ATTESTED) + credential
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        return self._said(
            clientDataJSON=self._client("webauthn.create", options), attestationObject=attestation
        )

    def show(self, options: dict[str, Any], type: str = "webauthn.get") -> str:
        client, data = self._client(type, options), self._data(self.flags)
        signature = self.key.sign(data + sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        answer = json.loads(self._said(clientDataJSON=client, authenticatorData=data, signature=signature))
        answer["response"]["userHandle"] = self.handle
        return json.dumps(answer)

    def _client(self, type: str, options: dict[str, Any]) -> bytes:
        said = {"type": type, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps(said).encode()

    def _data(self, flags: int) -> bytes:
        return sha256(self.host.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")

    def _said(self, **parts: bytes) -> str:
        id = websafe_encode(self.id)
        response = {name: websafe_encode(part) for name, part in parts.items()}
        return json.dumps({"id": id, "rawId": id, "type": "public-key", "response": response})
