"""Curl's errors give a cause and the setting to change; headers are found in a response's head."""

import errno

import pytest

from etalase.curl import header, link_fault


@pytest.mark.parametrize(
    ("code", "message", "url", "number", "says", "passes"),
    [
        (6, "Could not resolve host: minio", "http://minio:9000", 0, ["minio cannot be found", "ETALASE_S3_ENDPOINT"], True),
        (7, "Could not connect", "http://minio:9000", errno.ECONNREFUSED, ["nothing listens at minio:9000"], True),
        (7, "Could not connect", "http://minio:9000", errno.EHOSTUNREACH, ["Could not connect"], True),
        (28, "Operation timed out after 5 s", "http://minio:9000", 0, ["timed out"], True),
        (35, "SSL: wrong version number", "https://minio:9000", 0, ["speaks plain HTTP", "http://"], False),
        (35, "tls_get_more_records:packet length too long", "https://minio:9000", 0, ["speaks plain HTTP"], False),
        (35, "handshake failure", "https://minio:9000", 0, ["handshake failure"], True),
        (1, "Received HTTP/0.9 when not allowed", "http://minio:9000", 0, ["has to begin with https://"], True),
        (52, "Empty reply from server", "http://minio:9000", 0, ["has to begin with https://"], True),
        (60, "self-signed certificate in certificate chain", "https://minio", 0, ["ETALASE_CA_FILE", "authority"], False),
        (60, "unable to get local issuer certificate", "https://minio", 0, ["ETALASE_CA_FILE"], False),
        (60, "SSL: no alternative certificate subject name matches target host name", "https://m", 0, ["another name"], False),
        (60, "certificate has expired", "https://minio", 0, ["not valid now", "clock"], False),
        (60, "certificate is not yet valid", "https://minio", 0, ["not valid now", "clock"], False),
        (77, "error adding trust anchors", "https://minio", 0, ["ETALASE_CA_FILE"], False),
        (99, "", "http://minio", 0, ["curl error 99"], True),
    ],
)
def test_a_failed_connection_gives_its_cause_and_the_setting_to_change(
    code: int, message: str, url: str, number: int, says: list[str], passes: bool
) -> None:
    fault = link_fault(code, message, url, os_errno=number, setting="ETALASE_S3_ENDPOINT")
    assert fault.passes is passes
    assert fault.hint
    for words in says:
        assert words in f"{fault.text}. {fault.hint}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"etag", '"b"'),
        (b"content-type", "image/jpeg"),
        (b"x-odd", "a: b"),
        (b"tag", ""),
        (b"server", ""),
        (b"http/1.1 200 ok", ""),
    ],
)
def test_a_header_is_found_in_any_case_and_the_last_of_several_counts(name: bytes, value: str) -> None:
    head = b'HTTP/1.1 200 OK\r\nETag: "a"\r\nContent-Type:image/jpeg\r\nX-Odd:  a: b \r\nETAG: "b"\r\n\r\n'
    assert header(head, name) == value
