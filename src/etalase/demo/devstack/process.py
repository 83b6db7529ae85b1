"""Child processes that never outlive us, whatever happens to us."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from etalase.errors import EtalaseError

LOG_LINES_SHOWN = 15


class StackError(EtalaseError):
    """A part of the stack does not start or does not stop."""


@dataclass(slots=True)
class Child:
    """A program under our care."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 8.0

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def stop(self) -> None:
        """End it and everything it started; again is no error."""
        self.ask_to_stop()
        self.wait_stopped()

    def ask_to_stop(self) -> None:
        """Send its signal, without waiting."""
        if self.is_running:
            self.process.send_signal(self.stop_signal)

    def wait_stopped(self) -> None:
        """Wait until it has ended; kill its whole group when it takes too long."""
        try:
            self.process.wait(self.grace_seconds)
        except subprocess.TimeoutExpired:
            pass
        with _gone_already():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-LOG_LINES_SHOWN:])


class _gone_already:  # noqa: N801 - reads as a statement
    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, ProcessLookupError)


def spawn(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    user: str | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    grace_seconds: float = 8.0,
) -> Child:
    """Start ``command`` in a session of its own, its output in ``log``.

    The kernel sends it ``stop_signal`` when the **thread** that called this ends (prctl(2), PR_SET_PDEATHSIG), so call it from
    one that lives as long as the program should: the main thread. The session keeps Ctrl-C for us alone. ``user`` is whom to
    become, for a server that refuses to run as root.
    """
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StackError("The program setpriv is missing.", hint="Install util-linux.")
    become = [f"--reuid={user}", f"--regid={_group_of(user)}", "--clear-groups"] if user else []
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [setpriv, "--pdeathsig", stop_signal.name.removeprefix("SIG"), *become, "--", *map(str, command)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment) if environment is not None else None,
            cwd=folder,
            start_new_session=True,
        )
    return Child(name, process, log, stop_signal, grace_seconds)


def wait_ready(child: Child, is_ready: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Wait until ``is_ready``. Raises :class:`StackError` with the log's end where the program ends or takes too long."""
    until = time.monotonic() + seconds
    while not is_ready():
        if not child.is_running:
            raise StackError(f"{child.name} ended with status {child.process.returncode}:\n{child.last_words()}")
        if time.monotonic() > until:
            child.stop()
            raise StackError(f"{child.name} was not ready within {seconds:.0f} s:\n{child.last_words()}")
        time.sleep(0.02)


def _group_of(user: str) -> str:
    import grp
    import pwd

    return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
