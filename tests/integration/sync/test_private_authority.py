"""Checks TLS with certificates of the chain's own authority for head office and both buckets (ETALASE_CA_FILE)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.certificates import private_authority
from tests.doorman import Doorman, doorman
from tests.integration.sync.conftest import Edge
from tests.simulator import picture

from etalase.errors import Reason


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a private authority."""
    return private_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def ho_door(edge: Edge, authority: Path) -> Iterator[Doorman]:
    """Returns a TLS proxy in front of head office and its bucket."""
    with doorman(edge.ho.url, certificate=authority / "server.pem") as door:
        yield door


@pytest.fixture
def s3_door(edge: Edge, authority: Path) -> Iterator[Doorman]:
    """Returns a TLS proxy in front of the edge's bucket."""
    with doorman(edge.s3.endpoint, certificate=authority / "server.pem") as door:
        yield door


def test_one_setting_makes_every_client_trust_a_private_authority_and_an_error_names_it(
    edge: Edge, ho_door: Doorman, s3_door: Doorman, authority: Path
) -> None:
    photo = edge.ho.put("sate", picture(1))
    by_tls: dict[str, Any] = {"HO_URL": ho_door.endpoint, "TRIES": 1}
    images: dict[str, Any] = {"IMAGE_URL_REWRITE": f"{edge.ho.url}={ho_door.endpoint}"}
    bucket: dict[str, Any] = {"S3_ENDPOINT": s3_door.endpoint}
    trusted: dict[str, Any] = {"CA_FILE": str(authority / "ca.pem")}

    for changes in (by_tls, bucket):
        report = edge.sync(**changes)
        assert report.exit_status == 4
        assert "ETALASE_CA_FILE" in str(report.error)
        assert "Check the link" not in str(report.error)
    assert edge.sync(**by_tls).fault == "untrusted"
    report = edge.sync(**images, TRIES=1)
    assert edge.reasons() == {photo: Reason.CONNECTION_FAILED}
    assert "ETALASE_CA_FILE" in report.failures[0]["detail"]
    assert edge.rows() == {}

    assert edge.sync(**by_tls, **images, **bucket, **trusted).exit_status == 0
    edge.check_equals_head_office()
