"""The base of the commands: what the machine refuses is no defect, and is said with file, user and remedy."""

import errno
import io
import json
import os
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from etalase.command import MACHINE_REFUSES, EtalaseCommand


class Reads(EtalaseCommand):
    error: Exception = RuntimeError("a wrong turn")

    def run(self, options: dict[str, Any]) -> int:
        raise self.error


def outcome(error: Exception) -> tuple[CommandError, dict[str, Any]]:
    command, out = Reads(), io.StringIO()
    command.error = error
    with pytest.raises(CommandError) as raised:
        call_command(command, "--json", stdout=out)
    return raised.value, json.loads(out.getvalue())


@pytest.mark.parametrize("number", sorted(MACHINE_REFUSES))
def test_what_the_machine_refuses_is_said_with_file_and_remedy(number: int) -> None:
    error, shown = outcome(OSError(number, os.strerror(number), "/srv/menu/photos"))
    assert shown["error"] == str(error)
    assert shown["exit_status"] == error.returncode == 2
    assert f"/srv/menu/photos: {os.strerror(number)}" in str(error)
    assert MACHINE_REFUSES[number] in str(error)
    assert "defect" not in str(error)


@pytest.mark.parametrize(
    "error", [RuntimeError("a wrong turn"), OSError(errno.ENOENT, "none", "/x"), OSError(errno.EACCES, "no")]
)
def test_any_other_error_is_a_defect_to_report(error: Exception) -> None:
    refused, shown = outcome(error)
    assert "defect of Etalase" in str(refused)
    assert shown["exit_status"] == 4
