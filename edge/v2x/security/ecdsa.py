"""ECDSA on NIST P-256 with SHA-256 through `cryptography`: the only place that imports it, and only when it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.core.errors import CodecError
from edge.v2x.security.certificate import Signature, check_point

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey


class VerificationKey:
    """A public key, ready to check signatures.

    Args:
        point: 33 octets, compressed.

    Raises:
        CodecError: the point is not on the curve.
    """

    def __init__(self, point: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - only where something is verified

        try:
            self._key: EllipticCurvePublicKey = ec.EllipticCurvePublicKey.from_encoded_point(
                ec.SECP256R1(), check_point(point)
            )
        except ValueError as error:
            raise CodecError("IEEE 1609.2", "a public key is not a point of NIST P-256") from error

    def accepts(self, signature: Signature, digest: bytes) -> bool:
        """Whether the holder signed the SHA-256 digest."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415 - as above

        r, s = int.from_bytes(signature.r, "big"), int.from_bytes(signature.s, "big")
        try:
            self._key.verify(
                utils.encode_dss_signature(r, s), digest, ec.ECDSA(utils.Prehashed(hashes.SHA256()))
            )
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A private key.

    Args:
        pem: PKCS 8 text without a password; None: a new key.

    Raises:
        CodecError: it is no P-256 key.
    """

    def __init__(self, pem: bytes | None = None) -> None:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - only where something is signed
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - as above

        if pem is None:
            self._key = ec.generate_private_key(ec.SECP256R1())
            return
        try:
            key = serialization.load_pem_private_key(pem, password=None)
        except (ValueError, TypeError) as error:
            raise CodecError("private key", "it is not a PEM key without a password") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
            raise CodecError("private key", "it is not on NIST P-256")
        self._key = key

    def sign(self, digest: bytes) -> Signature:
        """Sign a SHA-256 digest; R as x-only."""
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.asymmetric import ec, utils  # noqa: PLC0415 - as above

        encoded = self._key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
        r, s = utils.decode_dss_signature(encoded)
        return Signature(r.to_bytes(32, "big"), s.to_bytes(32, "big"))

    def point(self) -> bytes:
        """The public key, 33 octets, compressed."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - as above

        return self._key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint
        )

    def pem(self) -> bytes:
        """PKCS 8 text without a password."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - as above

        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
