"""Looks at head office with an edge's answers so far, by the doctor's own checks."""

import tempfile
from urllib.parse import urlsplit

from etalase.doctor.check import NotChecked
from etalase.edge.doctor.head_office import HeadOfficeLink
from etalase.errors import EtalaseError
from etalase.kit import checks
from etalase.kit.answers import Answers
from etalase.settings.edge import EdgeSettings
from etalase.settings.reading import PREFIX, parse_settings

# Of the settings that head office's checks do not use.
_ELSEWHERE = {
    "HO_USERNAME": "-", "HO_PASSWORD": "-", "COMPANY_ID": "00000000-0000-0000-0000-000000000000",
    "STORE_ID": "00000000-0000-0000-0000-000000000000", "S3_ENDPOINT": "http://127.0.0.1", "S3_PUBLIC_URL": "http://127.0.0.1",
    "S3_ACCESS_KEY": "-", "S3_SECRET_KEY": "-",
}  # fmt: skip


def answers(given: Answers) -> None:
    """Checks that a head office answers at its address, and that the clocks agree."""
    if "ETALASE_CA_FILE" in given:
        checks.ca_file(given)
    with tempfile.TemporaryDirectory() as folder:
        link = _link(given, folder)
        link.answers()
        link.clock()


def answers_without_tls(given: Answers) -> None:
    """Checks the same, unless that needs the answer to the next question: the certificate of an authority of one's own."""
    if not given["ETALASE_HO_URL"].lower().startswith("https:"):
        answers(given)


def account(answers: Answers) -> None:
    """Logs in as the store, and reads the first page of its list: account and ids belong together."""
    with tempfile.TemporaryDirectory() as folder:
        link = _link(answers, folder)
        try:
            link.login()
            link.feed()
        except NotChecked:
            return


def image_origins(given: Answers) -> str:
    """Returns the places of the first photos that are not at head office's own host, as ``HOST:PORT``, by commas.

    Head office is trusted with them here, once; later it cannot name others by itself.
    """
    own = urlsplit(given.get("ETALASE_HO_URL", "")).hostname
    with tempfile.TemporaryDirectory() as folder:
        try:
            link = _link(given, folder)
            link.login()
        except EtalaseError:
            return ""
        places = [urlsplit(photo.image_url) for photo in link.photos]
    return ",".join(dict.fromkeys(place.netloc for place in places if place.hostname and place.hostname != own))


def _link(answers: Answers, folder: str) -> HeadOfficeLink:
    given = {name.removeprefix(PREFIX): value for name, value in answers.items() if name.startswith(PREFIX)}
    known = {name: value for name, value in given.items() if name in EdgeSettings.model_fields}
    # The doctor notes a refused login in the spool, which is the service user's later.
    return HeadOfficeLink(parse_settings(EdgeSettings, {**_ELSEWHERE, **known, "SPOOL_DIR": folder}), lambda: "")
