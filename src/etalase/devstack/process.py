"""Starts programs that never outlive their starter, even if ``kill -9`` ends the starter.

Each program gets a keeper (:mod:`.keeper`) in a session of its own, so that Ctrl-C reaches the starter only, which then stops
its programs in order.
"""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from etalase.errors import EtalaseError

KEEPER = Path(__file__).with_name("keeper.py")
POLL_SECONDS = 0.02
LOG_LINES_SHOWN = 15
CLAIM_SUFFIX = ".claim"
# The time for a predecessor to end after its starter was killed: the longest grace plus a margin for a busy machine.
PREDECESSOR_SECONDS = 20.0


class StackError(EtalaseError):
    """A program of the stack did not start, or ended unexpectedly. The message has the last lines of its log."""

    exit_status = 4


class Service(Protocol):
    """A service that the demo and the tests start."""

    @property
    def name(self) -> str:
        """Returns its name for people."""
        ...

    def stop(self) -> None:
        """Stops it and all its descendants. A second call does nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """The exclusive right to run the program ``name`` on ``run_dir``: a file lock that the keeper holds as long as it runs."""

    name: str
    run_dir: Path
    fd: int

    @property
    def path(self) -> Path:
        """Returns the locked file; its first line is the pid of the running program."""
        return _claim_path(self.run_dir, self.name)


@dataclass(slots=True)
class Child:
    """A started program."""

    name: str
    log: Path
    grace_seconds: float
    _claim_file: Path
    _keeper: "subprocess.Popen[bytes]" = field(repr=False)

    @property
    def pid(self) -> int:
        """Returns the program's pid, not its keeper's. Raises :class:`StackError` if the program did not start."""
        deadline = time.monotonic() + 5
        while not (text := self._claim_file.read_text()).endswith("\n"):
            if time.monotonic() > deadline or not self.running:
                raise self.failed("did not start")
            time.sleep(POLL_SECONDS)
        return int(text)

    @property
    def running(self) -> bool:
        """Returns whether the program runs."""
        return self._keeper.poll() is None

    def wait(self, timeout_seconds: float | None = None) -> int:
        """Waits for the end and returns the exit status, or 128 + the signal. Raises TimeoutError."""
        try:
            return self._keeper.wait(timeout_seconds)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{self.name} still runs after {timeout_seconds} s.") from error

    def stop(self) -> None:
        """Sends its stop signal, and after the grace SIGKILL to it and all its descendants."""
        if self.running:
            self._keeper.terminate()
            try:
                self._keeper.wait(self.grace_seconds + 5)
            except subprocess.TimeoutExpired:
                # The kernel then kills the program itself (see the keeper).
                self._keeper.kill()
                self._keeper.wait()

    def wait_ready(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Returns when ``ready`` is true. Raises :class:`StackError` after the timeout or an early end; stops the program."""
        try:
            self._await(ready, timeout_seconds)
        except BaseException:
            self.stop()
            raise

    def _await(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        # Checked first, because another program may respond on the port after this one has failed.
        while self.running:
            if ready():
                return
            if time.monotonic() > deadline:
                raise self.failed(f"did not answer within {timeout_seconds:g} s")
            time.sleep(POLL_SECONDS)
        raise self.failed(f"ended by itself with status {self._keeper.returncode}")

    def failed(self, what: str) -> StackError:
        """Returns an error with ``what`` happened and the last lines of the log."""
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        output = "".join(f"\n  {line}" for line in lines) if lines else " Its log is empty."
        return StackError(f"{self.name} {what}.{output}", hint=f"\nThe whole log: {self.log}")


def spawn(
    name: str,
    argv: Sequence[str | Path],
    *,
    run_dir: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    grace_seconds: float = 5.0,
) -> Child:
    """Starts a program with its output in ``<name>.log`` in ``run_dir``, which is created if missing.

    ``env`` is its whole environment (default: this process's). Raises :class:`StackError` if the same ``name`` already runs on
    ``run_dir``. :meth:`Child.pid` and :meth:`Child.wait_ready` raise an error for a program that could not be executed.
    """
    with claimed(run_dir, name) as claim:
        return spawn_claimed(claim, argv, env=env, cwd=cwd, stop_signal=stop_signal, grace_seconds=grace_seconds)


def spawn_claimed(
    claim: Claim,
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
    grace_seconds: float = 5.0,
    leftovers: Sequence[Path] = (),
) -> Child:
    """Works like :func:`spawn`, for a caller that already holds the claim to prepare ``claim.run_dir``.

    ``leftovers`` are files of the program that the keeper removes after its end.
    """
    options = [os.getpid(), int(stop_signal), grace_seconds, claim.fd, *leftovers]
    log = claim.run_dir / f"{_file_name(claim.name)}.log"
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", KEEPER, *map(str, options), "--", *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
            pass_fds=[claim.fd],
        )
    return Child(claim.name, log, grace_seconds, claim.path, keeper)


@contextmanager
def claimed(run_dir: Path, name: str, *, patience_seconds: float = PREDECESSOR_SECONDS) -> Iterator[Claim]:
    """Yields the claim to run ``name`` on ``run_dir``; after the block only a program spawned with it keeps the claim.

    Waits for a predecessor that is still stopping after a crash. Raises :class:`StackError` if it continues to run.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        fd = os.open(_claim_path(run_dir, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StackError(
            f"{name} cannot use the folder {run_dir}: {error.strerror}.",
            hint="Choose another folder, or run as its owner.",
        ) from error
    try:
        _lock(fd, run_dir, name, patience_seconds)
        os.ftruncate(fd, 0)
        yield Claim(name, run_dir, fd)
    finally:
        os.close(fd)


def await_predecessors(folder: Path, *, patience_seconds: float = PREDECESSOR_SECONDS) -> None:
    """Waits until no program runs on ``folder`` or below, which takes a moment after a crash of the starter.

    For callers that check ports before the first start. Raises :class:`StackError` with a program that continues to run.
    """
    for path in sorted(folder.rglob(f"*{CLAIM_SUFFIX}")):
        with claimed(path.parent, path.name.removesuffix(CLAIM_SUFFIX), patience_seconds=patience_seconds):
            pass


def _lock(fd: int, run_dir: Path, name: str, patience_seconds: float) -> None:
    deadline = time.monotonic() + patience_seconds
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                pid = os.pread(fd, 20, 0).decode().strip() or "unknown"
                raise StackError(
                    f"{name} already runs on {run_dir} (pid {pid}).", hint="Stop it first, or choose another folder."
                ) from None
            time.sleep(POLL_SECONDS)


def _claim_path(run_dir: Path, name: str) -> Path:
    return run_dir / f"{_file_name(name)}{CLAIM_SUFFIX}"


def _file_name(name: str) -> str:
    return name.lower().replace(" ", "-")
