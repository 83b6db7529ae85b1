"""Joins head office by a one-time code: gets the answers for a store that a person would otherwise type.

The response may get lost, or the machine may fail before it has stored it: then the same code works once more for this
machine, by the nonce in :data:`JOIN_NOTE`. Afterwards the note has a hash of the used code, so that the same command
can run again.
"""

import hashlib
import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from etalase.edge.clock import Clock
from etalase.edge.sync.download.exchange import Deadlines, Response
from etalase.edge.sync.download.transport import Transport
from etalase.edge.sync.feed.refusals import is_web_page, redirected_to
from etalase.errors import HeadOfficeAway, TransferFailed, UsageError
from etalase.joining import JOIN_PATH, JoinResponse, new_nonce, parse_code
from etalase.kit import checks, env_file, head_office_checks, init
from etalase.kit.answers import Answers, Sources, form_problem
from etalase.kit.half import JOIN_NOTE, Kit
from etalase.kit.machine import Host
from etalase.protocol import printable
from etalase.redaction import keep_secret, redacted
from etalase.retry import Again, Retries, retry_after_seconds

# Head office alone says them; a time zone or schedule may also be given here.
IDENTITY: Final = (*("ETALASE_HO_URL", "ETALASE_HO_USERNAME", "ETALASE_HO_PASSWORD", "ETALASE_COMPANY_ID", "ETALASE_STORE_ID"),)
MAX_BYTES: Final = 64 * 1024
DEADLINES: Final = Deadlines(connect_seconds=10, idle_seconds=20, min_bytes_per_second=1, total_seconds=60)
NEW_CODE: Final = "Ask head office for a new code: etalase head-office invite STORE"
# Instead of the answers, where nothing is sent.
UNKNOWN: Final[Answers] = {
    "ETALASE_HO_USERNAME": "from-head-office",
    "ETALASE_HO_PASSWORD": "not-known-in-a-dry-run",
    "ETALASE_COMPANY_ID": "00000000-0000-0000-0000-000000000000",
    "ETALASE_STORE_ID": "00000000-0000-0000-0000-000000000000",
    "ETALASE_IMAGE_ORIGINS": "",
    "ETALASE_ACCEPT_ORDERS": "true",
}


@dataclass(frozen=True, slots=True)
class Joining:
    """Head office's address and the code, as a person gave them."""

    url: str
    code: str
    allows_plain_http: bool = False
    clock: Clock = field(default_factory=Clock)


def join(machine: Host, kit: Kit, sources: Sources, joining: Joining) -> Sources:
    """Returns ``sources`` with head office's answers among the kept ones, and stores them at once.

    Raises :class:`UsageError` with what to do; until head office has responded, the code stays unused.
    """
    url, code = _checked(kit, sources, joining)
    digest, note = hashlib.sha256(code.encode()).hexdigest(), env_file.parse(machine.read(JOIN_NOTE) or "", name=JOIN_NOTE)
    if note.get("JOINED") == digest and set(IDENTITY) <= sources.kept.keys() and sources.kept["ETALASE_HO_URL"] == url:
        machine.say("This machine has joined by this code already.")
        return replace(sources, takes_proposals=True)
    given = {"ETALASE_HO_URL": url}
    if ca_file := sources.find("ETALASE_CA_FILE"):
        given["ETALASE_CA_FILE"] = ca_file
    reach = _Reach(url, joining.allows_plain_http)
    reach.check()
    head_office_checks.answers(given)
    if machine.is_dry:
        machine.say(f"would send the code to {url}{JOIN_PATH}: a dry run sends it nowhere")
        kept = {**sources.kept, **UNKNOWN, "ETALASE_HO_URL": url}
        return replace(sources, kept=kept, takes_proposals=True, unchecked=frozenset({*IDENTITY, *UNKNOWN}))
    nonce = note["NONCE"] if note.get("CODE") == digest and "NONCE" in note else new_nonce()
    _write_note(machine, {"CODE": digest, "NONCE": nonce})
    transport = Transport(address_allowed=reach.allows, ca_file=Path(ca_file) if ca_file else None, setting="--join")
    question = {"code": code, "nonce": nonce}
    if store_id := sources.kept.get("ETALASE_STORE_ID"):
        question["store_id"] = store_id
    joined = _ask(url, question, transport, joining.clock, say=machine.say)
    keep_secret(joined.password)
    sources = replace(sources, kept={**sources.kept, **_answers(kit, url, joined, sources)}, takes_proposals=True)
    answered = {one.name: found for one in kit.questions if (found := sources.find(one.name))}
    init.write_env(machine, kit, sources, answered, quiet=True)
    _write_note(machine, {"JOINED": digest})
    machine.note(f"joined {url} as {joined.store_code} {joined.store_name}, with the account {joined.username}")
    return sources


def _checked(kit: Kit, sources: Sources, joining: Joining) -> tuple[str, str]:
    """Returns address and code in their usual forms. Raises :class:`UsageError`."""
    url = joining.url.strip().rstrip("/")
    if problem := form_problem("ETALASE_HO_URL", url, kit.screens) if url else "ETALASE_HO_URL is empty.":
        raise UsageError(f"--join: the address is wrong: {problem}", hint="As in --join https://ho.example K7QF-M2XR-9TWR")
    try:
        code = parse_code(joining.code)
    except ValueError as error:
        raise UsageError(
            f"--join: {error}", hint="Nothing was sent. Compare the code with the one that you were given."
        ) from None
    twice = [name for name in IDENTITY if any(one.get(name) for one in (sources.flags, sources.file, sources.environment))]
    if twice:
        raise UsageError(f"--join gets {', '.join(twice)} from head office.", hint="Leave out these answers, or --join.")
    if ca_file := sources.find("ETALASE_CA_FILE"):
        if problem := form_problem("ETALASE_CA_FILE", ca_file, kit.screens):
            raise UsageError(f"--ca-file: {problem}")
        checks.ca_file({"ETALASE_CA_FILE": ca_file})
    return url, code


@dataclass(slots=True)
class _Reach:
    """The addresses to which the code may go: over plain http, only those of a network of one's own."""

    url: str
    allows_plain_http: bool

    def allows(self, address: str) -> bool:
        """Returns whether the code may go there; curl asks for the address to which it connects."""
        return self._is_safe or is_of_a_private_network(address)

    def check(self) -> None:
        """Raises :class:`UsageError` before anything is sent, if the host has an address in the internet."""
        host = urlsplit(self.url).hostname or ""
        if self._is_safe:
            return
        try:
            found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
        except OSError:
            return  # the next check names it
        if public := sorted(address for address in found if not is_of_a_private_network(address)):
            raise UsageError(
                f"{self.url} is in the internet ({', '.join(public)}), and plain http would show code and password to anybody"
                " on the way.",
                hint="Use head office's https address; --insecure-http if the way is protected otherwise, as by a VPN.",
            )

    @property
    def _is_safe(self) -> bool:
        return self.allows_plain_http or self.url.lower().startswith("https:")


def is_of_a_private_network(address: str) -> bool:
    """Returns whether the address is this machine's or of a private network (RFC 1918, RFC 4193, link-local). Pure."""
    found = ipaddress.ip_address(address.partition("%")[0])
    inner = getattr(found, "ipv4_mapped", None)
    return bool((inner or found).is_private)


def _ask(
    url: str, question: Mapping[str, str], transport: Transport, clock: Clock, *, say: Callable[[str], None]
) -> JoinResponse:
    """Returns head office's response; asks again, with the same nonce, where it may have been lost."""

    def attempt() -> Response:
        try:
            response = transport.exchange(
                url + JOIN_PATH,
                headers={"Content-Type": "application/json", "Accept": "application/json"},
                post=msgspec.json.encode(question),
                deadlines=DEADLINES,
                max_bytes=MAX_BYTES,
            )
        except TransferFailed as error:
            text = f"{url}{JOIN_PATH}: {error.message.removesuffix('.')}."
            if not error.passes:
                raise UsageError(text, hint="The certificate of an authority of your own: --ca-file FILE.") from error
            raise HeadOfficeAway(text, hint="Check link and address, then run the same command again.") from error
        if response.status >= 500 and response.status != 511:  # 511: a network's login page (RFC 6585, section 6)
            wish = retry_after_seconds(response.header(b"retry-after"), now=clock.now())
            hint = "Head office, or a proxy before it, is busy: run the same command again in some minutes."
            raise HeadOfficeAway(f"{url}{JOIN_PATH} responded with {response.status}.", hint=hint, retry_after_seconds=wish)
        return response

    def again(error: Exception) -> Again | None:
        return Again(error.retry_after_seconds or 0) if isinstance(error, HeadOfficeAway) else None

    retries = Retries(4, clock.sleep, clock.random)
    response = retries.call(attempt, again, log=lambda error, seconds: say(f"{error} Next try in {seconds:.0f} s."))
    if response.status == 200 and not is_web_page(response):
        return _read(url, response)
    raise _refusal(url, response, clock)


def _read(url: str, response: Response) -> JoinResponse:
    try:
        return msgspec.json.decode(response.body, type=JoinResponse)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        # The body may have the password: no text shows it (hazard 74).
        hint = "Is it a head office of a newer version? Otherwise run the same command again."
        raise UsageError(f"{url}{JOIN_PATH} responded with something that is no answer to a code.", hint=hint) from error


def _refusal(url: str, response: Response, clock: Clock) -> UsageError:
    """Returns the error for a response other than 200, with what to do."""
    detail = _detail(response.body)
    if leads_to := redirected_to(url + JOIN_PATH, response):
        base = printable(leads_to).removesuffix(JOIN_PATH)
        return UsageError(f"{url} redirects to {base}.", hint=f"If that is head office, join there: --join {base} CODE")
    if is_web_page(response) or not detail:
        text = f"What answers at {url} is not a head office (HTTP {response.status})."
        return UsageError(text, hint="Compare the address, also its port; a login page of the network may answer instead.")
    match response.status:
        case 403:
            return UsageError(f"Head office does not take the code: {detail}", hint=NEW_CODE)
        case 401 | 404 | 405:  # ours asks nobody who joins for a token
            hint = "It may be of an older version: `etalase edge init` without --join asks for the account instead."
            return UsageError(f"The head office at {url} has no joining by a code.", hint=hint)
        case 409:
            hint = "For a new store on this machine: etalase edge remove --with-data, then the same command again."
            return UsageError(f"Head office does not take the code: {detail}", hint=hint)
        case 429:
            seconds = retry_after_seconds(response.header(b"retry-after"), now=clock.now()) or 900
            hint = f"Run the same command again in {max(1, round(seconds / 60))} minutes."
            return UsageError(f"Head office looks at no code from here just now. {detail}", hint=hint)
        case _:
            return UsageError(f"Head office does not take the code ({response.status}): {detail}", hint=NEW_CODE)


def _detail(body: bytes) -> str:
    try:
        said = msgspec.json.decode(body, type=dict[str, msgspec.Raw]).get("detail")
        return "" if said is None else printable(redacted(msgspec.json.decode(said, type=str)))[:300]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""


def _answers(kit: Kit, url: str, joined: JoinResponse, sources: Sources) -> Answers:
    """Returns the answers that head office gave. Raises :class:`UsageError` for one that no setting can have."""
    schedule = joined.schedule
    identity = {
        "ETALASE_HO_URL": url,
        "ETALASE_HO_USERNAME": joined.username,
        "ETALASE_HO_PASSWORD": joined.password,
        "ETALASE_COMPANY_ID": joined.company_id,
        "ETALASE_STORE_ID": joined.store_id,
        "ETALASE_IMAGE_ORIGINS": ",".join(joined.image_origins),
    }
    proposed = {
        "ETALASE_TIME_ZONE": joined.time_zone or "",
        "ETALASE_BANDWIDTH": schedule.bandwidth if schedule else "",
        "ETALASE_FULL_RUN": schedule.full_run if schedule else "",
        # The person with the code trusts this head office; another setting can be changed on this machine alone.
        "ETALASE_ACCEPT_ORDERS": "true",
    }
    answers = identity | {name: value for name, value in proposed.items() if value and sources.find(name) is None}
    problems = [problem for name, value in answers.items() if (problem := form_problem(name, value, kit.screens))]
    if problems:
        raise UsageError("Head office gave answers that are not right: " + " ".join(problems), hint="Tell head office.")
    return answers


def _write_note(machine: Host, note: Mapping[str, str]) -> None:
    about = "The code by which this machine joins head office, as a hash; needed if `etalase edge init --join` runs again."
    machine.write(JOIN_NOTE, env_file.render(note, about=about), mode=0o600, quiet=True)
