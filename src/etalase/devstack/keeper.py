"""Keeps one program: its parent process, which stops it when the keeper's own parent has died.

:mod:`.process` runs it as a script, one for each program:

    python -I -S keeper.py PARENT_PID STOP_SIGNAL GRACE_SECONDS CLAIM_FD LEFTOVER... -- PROGRAM ARGUMENT...

It sends STOP_SIGNAL on SIGTERM, SIGINT and SIGHUP, or when PARENT_PID has died for any reason, and SIGKILL after GRACE_SECONDS.
It is the "child subreaper" of all descendants of the program (prctl(2)), so that workers of the web server and of Celery end
with the program, also those in sessions of their own. If the keeper itself is killed, the kernel kills the program
(PR_SET_PDEATHSIG). It imports little of the standard library and nothing else, so that it starts in 20 ms.
"""

import contextlib
import ctypes
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LOOK_FOR_PARENT_SECONDS = 2.0
GRACE_STEP_SECONDS = 0.1
# The kernel sends the "death signal" when the *thread* that started us ends, so that it is only a reason to check.
PARENT_MAY_BE_GONE = signal.SIGUSR1
HANDLED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, PARENT_MAY_BE_GONE}

_libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> int:
    """Runs the program until it ends or has to stop; returns its exit status, or 128 + its signal like a shell."""
    options, program = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    parent_pid, stop_signal, grace_seconds, claim_fd = int(options[0]), int(options[1]), float(options[2]), int(options[3])
    # The claim on the data folder must end with this keeper.
    os.set_inheritable(claim_fd, False)
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    _prctl(PR_SET_PDEATHSIG, PARENT_MAY_BE_GONE)
    keeper = _Keeper(program)
    os.pwrite(claim_fd, f"{keeper.pid}\n".encode(), 0)
    keeper.wait(until=lambda stop_requested: stop_requested or os.getppid() != parent_pid, look_seconds=LOOK_FOR_PARENT_SECONDS)
    if keeper.status is None:
        # The program may have ended in this moment.
        with contextlib.suppress(ProcessLookupError):
            os.kill(keeper.pid, stop_signal)
        deadline = time.monotonic() + grace_seconds
        keeper.wait(until=lambda _stop_requested: time.monotonic() > deadline, look_seconds=GRACE_STEP_SECONDS)
    keeper.kill_descendants()
    for leftover in options[4:]:
        with contextlib.suppress(OSError):
            os.unlink(leftover)  # noqa: PTH108 - pathlib would double the keeper's start-up time
    return keeper.status if keeper.status is not None else 128 + signal.SIGKILL


class _Keeper:
    def __init__(self, program: list[str]) -> None:
        self.status: int | None = None
        keeper_pid = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            _become(program, keeper_pid)

    def wait(self, until: "Callable[[bool], bool]", look_seconds: float) -> None:
        """Returns when the program has ended, or when ``until`` is true; its argument is whether a stop was requested."""
        stop_requested = False
        while True:
            self._reap()
            if self.status is not None or until(stop_requested):
                return
            received = signal.sigtimedwait(HANDLED, look_seconds)
            stop_requested = stop_requested or (
                received is not None and received.si_signo in {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
            )

    def kill_descendants(self) -> None:
        """Kills all descendants, repeatedly, since a dying process may still start others."""
        while self._reap():
            for pid in descendants(os.getpid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, 0.05)

    def _reap(self) -> bool:
        """Reaps ended children; returns whether any child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.pid:
                code = os.waitstatus_to_exitcode(status)
                self.status = code if code >= 0 else 128 - code


def _become(program: list[str], keeper_pid: int) -> None:
    """Executes the program in the forked child, or writes the error and exits with 127. Never returns."""
    try:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper_pid:
            os._exit(0)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        # Python ignores these two signals, and the program would inherit that.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.execvp(program[0], program)  # noqa: S606 - there is no need of a shell
    except OSError as error:
        os.write(2, f"{program[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def descendants(root_pid: int) -> list[int]:
    """Returns the pids of all descendants of ``root_pid``, from proc(5)."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - pathlib would double the keeper's start-up time
        if entry.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", "rb") as stat:  # noqa: PTH123 - the same
                # The second field is the program's name in brackets and may hold anything; the state and the parent follow.
                parent_pid = int(stat.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent_pid, []).append(int(entry))
    found, queue = [], [root_pid]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def _prctl(option: int, value: int) -> None:
    if _libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
