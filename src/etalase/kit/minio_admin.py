"""Makes a user with the least rights on a MinIO server, by its admin API.

MinIO wants bodies with secrets encrypted with the caller's own secret key, also over plain HTTP (madmin-go, encrypt.go): a
key by Argon2id, then a stream of ChaCha20-Poly1305 (RFC 8439). A body here is smaller than the stream's first fragment.
"""

import hashlib
import json
import os
import struct

import pycurl

from etalase.curl import OPTIONS, link_fault, set_options
from etalase.errors import UsageError

ADMIN_PATH = "/minio/admin/v3"
FRAGMENT_BYTES = 16 * 1024
_ARGON2ID_CHACHA20 = b"\x01"
_P = (1 << 130) - 5
_CLAMP = 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF


class MinioAdmin:
    """The admin API of one server, with the key of its administrator."""

    def __init__(self, endpoint: str, access_key: str, secret_key: str, *, region: str) -> None:
        self._endpoint, self._access_key, self._secret_key, self._region = endpoint, access_key, secret_key, region

    def has_user(self, name: str) -> bool:
        """Returns whether the user exists."""
        return self._call("GET", f"/user-info?accessKey={name}")[0] == 200

    def ensure_user(self, name: str, secret: str, *, policy_name: str, policy: dict[str, object]) -> None:
        """Makes the policy and the user, or gives an existing user this secret and this policy."""
        self._expect("PUT", f"/add-canned-policy?name={policy_name}", json.dumps(policy).encode())
        body = json.dumps({"secretKey": secret, "status": "enabled"}).encode()
        self._expect("PUT", f"/add-user?accessKey={name}", encrypted(body, self._secret_key))
        self._expect("PUT", f"/set-user-or-group-policy?isGroup=false&policyName={policy_name}&userOrGroup={name}")

    def remove_user(self, name: str, *, policy_name: str) -> None:
        """Removes the user and its policy."""
        self._expect("DELETE", f"/remove-user?accessKey={name}")
        self._expect("DELETE", f"/remove-canned-policy?name={policy_name}")

    def _expect(self, method: str, path: str, body: bytes = b"") -> None:
        status, answer = self._call(method, path, body)
        if status >= 300:
            code = json.loads(answer).get("Code", "") if answer.startswith(b"{") else ""
            raise UsageError(
                f"MinIO at {self._endpoint} refuses {path.partition('?')[0]} (HTTP {status}{f', {code}' if code else ''}).",
                hint="Check S3_ADMIN_ACCESS_KEY and S3_ADMIN_SECRET_KEY: they are those of MinIO's administrator.",
            )

    def _call(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        curl, pieces = pycurl.Curl(), list[bytes]()
        set_options(
            curl,
            {
                **OPTIONS,
                pycurl.URL: f"{self._endpoint}{ADMIN_PATH}{path}",
                pycurl.CUSTOMREQUEST: method,
                pycurl.POSTFIELDS: body,
                pycurl.POSTFIELDSIZE: len(body),
                pycurl.HTTPHEADER: [
                    f"x-amz-content-sha256: {hashlib.sha256(body).hexdigest()}",
                    "Content-Type: application/octet-stream",
                    "Expect:",
                ],
                pycurl.AWS_SIGV4: f"aws:amz:{self._region}:s3",
                pycurl.USERNAME: self._access_key,
                pycurl.PASSWORD: self._secret_key,
                pycurl.TIMEOUT: 30,
                pycurl.WRITEFUNCTION: pieces.append,
            },
        )
        try:
            curl.perform()
            return curl.getinfo(pycurl.RESPONSE_CODE), b"".join(pieces)
        except pycurl.error as error:
            fault = link_fault(error.args[0], str(error.args[1]), self._endpoint, setting="ETALASE_S3_ENDPOINT")
            raise UsageError(f"MinIO at {self._endpoint} does not answer: {fault.text}.", hint=fault.hint) from error
        finally:
            curl.close()


def encrypted(body: bytes, password: str, *, salt: bytes = b"", nonce: bytes = b"") -> bytes:
    """Returns ``body`` as MinIO wants it. ``salt`` and ``nonce`` are random."""
    if len(body) > FRAGMENT_BYTES:
        raise ValueError("the body has more than one fragment")
    from argon2.low_level import Type, hash_secret_raw

    salt, nonce = salt or os.urandom(32), nonce or os.urandom(8)
    key = hash_secret_raw(password.encode(), salt, time_cost=1, memory_cost=64 * 1024, parallelism=4, hash_len=32, type=Type.ID)
    # The fragments are numbered from 1; the tag of an empty number 0 binds them together, and 0x80 marks the last one.
    bound = seal(key, nonce + struct.pack("<I", 0), b"", b"")
    return salt + _ARGON2ID_CHACHA20 + nonce + seal(key, nonce + struct.pack("<I", 1), body, b"\x80" + bound)


def seal(key: bytes, nonce: bytes, text: bytes, associated: bytes) -> bytes:
    """Returns the ciphertext and its tag: AEAD_CHACHA20_POLY1305 (RFC 8439, section 2.8)."""
    cipher = bytes(a ^ b for a, b in zip(text, _stream(key, nonce, len(text)), strict=False))
    message = _padded(associated) + _padded(cipher) + struct.pack("<QQ", len(associated), len(cipher))
    return cipher + _poly1305(_block(key, 0, nonce)[:32], message)


def _padded(part: bytes) -> bytes:
    return part + bytes(-len(part) % 16)


def _stream(key: bytes, nonce: bytes, length: int) -> bytes:
    return b"".join(_block(key, 1 + number, nonce) for number in range((length + 63) // 64))


def _block(key: bytes, counter: int, nonce: bytes) -> bytes:
    """Returns one block of ChaCha20 (RFC 8439, section 2.3)."""
    start = list(struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce))
    state = list(start)
    for _ in range(10):
        for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15)):
            _quarter_round(state, a, b, c, d)
        for a, b, c, d in ((0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            _quarter_round(state, a, b, c, d)
    return struct.pack("<16I", *((x + y) & 0xFFFFFFFF for x, y in zip(state, start, strict=True)))


def _quarter_round(state: list[int], a: int, b: int, c: int, d: int) -> None:
    for x, y, z, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[x] = (state[x] + state[y]) & 0xFFFFFFFF
        turned = state[z] ^ state[x]
        state[z] = ((turned << bits) | (turned >> (32 - bits))) & 0xFFFFFFFF


def _poly1305(key: bytes, message: bytes) -> bytes:
    """Returns the tag of ``message`` (RFC 8439, section 2.5)."""
    r, s = int.from_bytes(key[:16], "little") & _CLAMP, int.from_bytes(key[16:], "little")
    total = 0
    for position in range(0, len(message), 16):
        total = (total + int.from_bytes(message[position : position + 16] + b"\x01", "little")) * r % _P
    return ((total + s) & ((1 << 128) - 1)).to_bytes(16, "little")
