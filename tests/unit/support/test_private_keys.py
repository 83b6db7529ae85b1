"""Checks that no body of a private key stays in a log, whole or cut."""

import time

import pytest

from etalase.support.private_keys import hide_private_keys

BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
BEGIN, END = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        f"{BEGIN}\n{BODY}\n{BODY}==\n{END}",
        f'{{"key": "{BEGIN}\\n{BODY}\\n{END}\\n"}}',
        f"Nov 1 app: {BEGIN}\nNov 1 app: {BODY}\nNov 1 app: {END}",
        f"{BEGIN}\n{BODY}\n{BODY}",
        f"{BODY}\n{BODY}\n{END}",
        f"{BEGIN}\n{BODY}\n{BEGIN}\n{BODY}\n{END}\n{BODY}\n{END}",
    ],
)
def test_a_private_key_is_hidden(text: str) -> None:
    shown = hide_private_keys(f"before\n{text}\nafter the key")
    assert BODY not in shown
    assert shown.startswith("before\n")
    assert shown.endswith("\nafter the key")


def test_a_certificate_stays() -> None:
    certificate = f"-----BEGIN CERTIFICATE-----\n{BODY}\n-----END CERTIFICATE-----"
    assert hide_private_keys(certificate) == certificate


@pytest.mark.parametrize("text", [BEGIN * 30_000, END * 30_000, f"{END} {BODY}" * 10_000])
def test_a_hostile_log_costs_little(text: str) -> None:
    began = time.process_time()
    hide_private_keys(text)
    assert time.process_time() - began < 60
