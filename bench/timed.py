"""Run one program to its end and write down what it cost: ``python -I -S timed.py RESULT_FILE PROGRAM ARGUMENT...``

A process of its own, and a small one: Linux counts the memory of whoever starts a program into that program's peak, so the
bench itself must not. The peak is therefore never less than this interpreter's (about 10 MB). Only the standard library.
"""

import json
import os
import sys
import time


def main(result_file: str, program: list[str]) -> None:
    """Wall and CPU seconds, and the peak of the largest process, of the program and of what it waited for (wait4(2))."""
    began = time.monotonic()
    pid = os.posix_spawnp(program[0], program, os.environ)
    _, status, usage = os.wait4(pid, 0)
    cost = {
        "wall_seconds": time.monotonic() - began,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
        "status": os.waitstatus_to_exitcode(status),
    }
    with open(result_file, "w") as file:  # noqa: PTH123 - pathlib would make this process twice as large
        json.dump(cost, file)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
