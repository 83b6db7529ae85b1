"""The certificate of an authority of one's own: asked for with TLS only, readable for the services, used by every check."""

from pathlib import Path
from typing import Any

import pytest

from etalase.errors import UsageError
from etalase.kit import checks, env_file, init
from etalase.kit.answers import Sources, form_problem, interview
from etalase.kit.edge import EDGE
from etalase.kit.half import Kit
from etalase.kit.head_office import HEAD_OFFICE
from etalase.kit.machine import Host


class OwnFolder(Host):
    """A machine below a folder of this process's user."""

    def ids(self, owner: str) -> tuple[int, int]:
        return self.root.stat().st_uid, self.root.stat().st_gid


@pytest.mark.parametrize(
    ("kit", "address"), [(EDGE, "ETALASE_HO_URL"), (HEAD_OFFICE, "ETALASE_S3_PUBLIC_URL")], ids=["edge", "head office"]
)
def test_the_certificate_is_asked_for_with_tls_only(kit: Kit, address: str) -> None:
    question = next(one for one in kit.questions if one.name == "ETALASE_CA_FILE")
    assert question.flag == "--ca-file"
    assert question.default({}) == ""
    assert question.is_asked_if({address: "https://photos.example.com"})
    assert not question.is_asked_if({address: "http://10.0.0.1:8002"})


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_a_certificate_that_the_services_cannot_read_is_refused_with_the_command_to_type(closed: str, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "ca.pem").write_text("")
    (folder / "ca.pem" if closed == "file" else folder).chmod(0o600 if closed == "file" else 0o700)
    with pytest.raises(UsageError, match="may not read") as raised:
        checks.ca_file({"ETALASE_CA_FILE": str(folder / "ca.pem")})
    assert f"install -D -m 644 '{folder}/ca.pem' /etc/etalase/ca.pem" in str(raised.value)


def test_a_certificate_that_the_services_can_read_is_accepted_and_none_is_needed() -> None:
    checks.ca_file({"ETALASE_CA_FILE": "/etc/ssl/openssl.cnf"})
    checks.ca_file({"ETALASE_CA_FILE": ""})
    assert not form_problem("ETALASE_CA_FILE", "", EDGE.screens)
    assert "/none.pem" in form_problem("ETALASE_CA_FILE", "/none.pem", EDGE.screens)


@pytest.mark.parametrize("source", ["file", "environment", "kept"])
def test_a_setting_without_a_question_is_there_for_the_checks_and_is_written(source: str, tmp_path: Path) -> None:
    given: dict[str, Any] = {source: {"ETALASE_IMAGE_URL_REWRITE": "http://a=http://b", "HOME": "/root"}}
    sources = Sources(**{"environment": {}, **given})
    seen = interview(EDGE.questions[:0], sources, EDGE.screens, ask=None, keep=lambda _: None)  # type: ignore[arg-type]
    assert seen == {"ETALASE_IMAGE_URL_REWRITE": "http://a=http://b"}
    machine = OwnFolder(lambda _: None, tmp_path)
    init.write_env(machine, EDGE, sources, seen)
    written = env_file.parse(machine.read(EDGE.env_file) or "", name="edge.env")
    assert written["ETALASE_IMAGE_URL_REWRITE"] == "http://a=http://b"
    assert "HOME" not in written


def test_behind_a_proxy_with_tls_one_proxy_is_proposed() -> None:
    question = next(one for one in HEAD_OFFICE.questions if one.name == "ETALASE_PROXY_COUNT")
    assert question.default({"ETALASE_CSRF_TRUSTED_ORIGINS": "https://photos.example.com"}) == "1"
    assert question.default({"ETALASE_CSRF_TRUSTED_ORIGINS": ""}) == "0"
