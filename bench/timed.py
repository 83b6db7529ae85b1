"""Runs one program and writes its cost to a file: ``python -I -S timed.py RESULT_FILE PROGRAM ARGUMENT...``

A small process of its own, since Linux counts the memory of the starting process into the program's peak. The peak is therefore
never less than this interpreter's (about 10 MB). Uses the standard library only.
"""

import json
import os
import sys
import time


def main(result_file: str, program: list[str]) -> None:
    """Measures wall and CPU seconds and the peak memory of the program and its reaped children (wait4(2))."""
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
