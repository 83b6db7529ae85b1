"""Programs that never outlive whoever started them, not even when that one is killed with ``kill -9``.

Each gets a keeper (:mod:`.keeper`) in a session of its own, so that Ctrl-C at the terminal reaches only the starter, which
then stops its programs in the order it wants.
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
# A predecessor that was killed has this long to end: the longest grace, and what a busy machine takes besides.
PREDECESSOR_SECONDS = 20.0


class StackError(EtalaseError):
    """A program of the stack did not start, or ended by itself. The message has the last lines of its log."""

    exit_status = 4


class Service(Protocol):
    """What the demo and the tests start."""

    @property
    def name(self) -> str:
        """Its name, as a person would say it."""
        ...

    def stop(self) -> None:
        """End it and all that it started. Stopping twice is no error."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run the program ``name`` on ``run_dir``, which the program's keeper holds until the program is gone."""

    name: str
    run_dir: Path
    fd: int

    @property
    def path(self) -> Path:
        """The file that is locked; while the program runs, its first line is the program's pid."""
        return _claim_path(self.run_dir, self.name)


@dataclass(slots=True)
class Child:
    """A program that runs."""

    name: str
    log: Path
    grace_seconds: float
    _claim_file: Path
    _keeper: "subprocess.Popen[bytes]" = field(repr=False)

    @property
    def pid(self) -> int:
        """The program's own pid, not its keeper's. Raises :class:`StackError` where it did not even start."""
        deadline = time.monotonic() + 5
        while not (text := self._claim_file.read_text()).endswith("\n"):
            if time.monotonic() > deadline or not self.running:
                raise self.failed("did not start")
            time.sleep(POLL_SECONDS)
        return int(text)

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._keeper.poll() is None

    def wait(self, timeout_seconds: float | None = None) -> int:
        """Its exit status, or 128 + the signal that ended it, once it has ended. Raises TimeoutError."""
        try:
            return self._keeper.wait(timeout_seconds)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"{self.name} still runs after {timeout_seconds} s.") from error

    def stop(self) -> None:
        """End it: its stop signal, and after the grace SIGKILL to it and all its descendants."""
        if self.running:
            self._keeper.terminate()
            try:
                self._keeper.wait(self.grace_seconds + 5)
            except subprocess.TimeoutExpired:
                # The kernel then kills the program itself (see the keeper).
                self._keeper.kill()
                self._keeper.wait()

    def wait_ready(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Return when ``ready`` says so. Otherwise stop it and raise :class:`StackError`, at once where it has ended."""
        try:
            self._await(ready, timeout_seconds)
        except BaseException:
            self.stop()
            raise

    def _await(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        deadline = time.monotonic() + timeout_seconds
        # Running is asked first: what answers may be another program on our port, while ours has already given up.
        while self.running:
            if ready():
                return
            if time.monotonic() > deadline:
                raise self.failed(f"did not answer within {timeout_seconds:g} s")
            time.sleep(POLL_SECONDS)
        raise self.failed(f"ended by itself with status {self._keeper.returncode}")

    def failed(self, what: str) -> StackError:
        """An error that says ``what`` happened to it, with the last lines of its log."""
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        said = "".join(f"\n  {line}" for line in lines) if lines else " It said nothing."
        return StackError(f"{self.name} {what}.{said}", hint=f"\nThe whole log: {self.log}")


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
    """Start a program whose output goes to ``<name>.log`` in ``run_dir``, which is made where it is missing.

    ``env`` is its whole environment (default: ours). Raises :class:`StackError` where the same ``name`` already runs on
    ``run_dir``. Whether the program itself could be started shows in :meth:`Child.pid` or :meth:`Child.wait_ready`.
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
    """:func:`spawn` for a caller who had to prepare ``claim.run_dir`` undisturbed before.

    ``leftovers`` are files that the program leaves lying about, removed when it has ended.
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
    """The claim to run ``name`` on ``run_dir``. Leaving the block gives it up, unless a program was spawned with it.

    After a crash the predecessor may still be ending: it is waited for. Raises :class:`StackError` where it runs on.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        fd = os.open(_claim_path(run_dir, name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StackError(
            f"{name} cannot use the folder {run_dir}: {error.strerror}.",
            hint="Choose another folder, or run as the user whom it belongs to.",
        ) from error
    try:
        _lock(fd, run_dir, name, patience_seconds)
        os.ftruncate(fd, 0)
        yield Claim(name, run_dir, fd)
    finally:
        os.close(fd)


def await_predecessors(folder: Path, *, patience_seconds: float = PREDECESSOR_SECONDS) -> None:
    """Return when nothing that was started on ``folder`` or below runs any more, as is due after a crash of its starter.

    For whoever looks at ports before the first start. Raises :class:`StackError` naming what runs on.
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
