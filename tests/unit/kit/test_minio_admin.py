"""The encryption that MinIO's admin API wants, by the examples of RFC 8439."""

from etalase.kit.minio_admin import seal


def test_the_seal_is_that_of_the_rfc() -> None:
    # Section 2.8.2
    text = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
    sealed = seal(
        bytes(range(0x80, 0xA0)), bytes.fromhex("070000004041424344454647"), text, bytes.fromhex("50515253c0c1c2c3c4c5c6c7")
    )
    assert sealed[:16].hex() == "d31a8d34648e60db7b86afbc53ef7ec2"
    assert sealed[-16:].hex() == "1ae10b594f09e26a7e902ecbd0600691"
