"""Programs of the stack end with their starter, however the starter ends."""

import os
import signal
import time
from pathlib import Path

import pytest
from tests.integration.devstack.processes import alive, eventually, kill, start_starter

from etalase.devstack.keeper import descendants
from etalase.devstack.ports import free_port
from etalase.devstack.process import Child, StackError, await_predecessors, claimed, spawn


def sleeper(run_dir: Path, name: str = "sleeper") -> Child:
    return spawn(name, ["sleep", "600"], run_dir=run_dir)


def test_a_program_gets_its_stop_signal_and_can_finish(tmp_path: Path) -> None:
    script = "trap 'echo goodbye; exit 3' INT; echo up; while :; do sleep 0.05; done"
    child = spawn("polite", ["sh", "-c", script], run_dir=tmp_path, stop_signal=signal.SIGINT, grace_seconds=60)
    child.wait_ready(lambda: "up" in child.log.read_text(), 60)
    child.stop()
    assert child.wait() == 3
    assert child.log.read_text().splitlines() == ["up", "goodbye"]
    child.stop()


def test_a_program_that_ignores_its_stop_signal_is_killed_after_its_grace(tmp_path: Path) -> None:
    script = "trap '' TERM; echo up; while :; do sleep 0.05; done"
    child = spawn("stubborn", ["sh", "-c", script], run_dir=tmp_path, grace_seconds=0.5)
    child.wait_ready(lambda: "up" in child.log.read_text(), 10)
    pid, began = child.pid, time.monotonic()
    child.stop()
    assert time.monotonic() - began > 0.4
    assert child.wait() == 128 + signal.SIGKILL
    assert alive([pid]) == []


def test_orphans_of_a_program_end_with_it(tmp_path: Path) -> None:
    child = spawn("parent", ["sh", "-c", "setsid sleep 600 & echo $!"], run_dir=tmp_path)
    assert child.wait(60) == 0
    assert alive([int(child.log.read_text())]) == []


def test_after_kill_9_of_the_starter_descendants_that_ignore_signals_end(tmp_path: Path) -> None:
    starter = start_starter(
        """
        import sys
        from pathlib import Path
        from etalase.devstack.process import spawn
        family = "trap '' TERM; (trap '' TERM; exec setsid sleep 600) & echo up; while :; do sleep 0.05; done"
        child = spawn("family", ["sh", "-c", family], run_dir=Path(sys.argv[1]), grace_seconds=0.5)
        child.wait_ready(lambda: "up" in child.log.read_text(), 10)
        """,
        tmp_path,
    )
    family = descendants(starter.pid)
    assert len(family) >= 3
    kill(starter)
    assert eventually(lambda: alive(family) == [], 60), alive(family)


def test_a_program_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    starter = start_starter(
        """
        import sys, threading
        from pathlib import Path
        from etalase.devstack.process import spawn
        children = []
        thread = threading.Thread(target=lambda: children.append(spawn("sleeper", ["sleep", "600"], run_dir=Path(sys.argv[1]))))
        thread.start()
        thread.join()
        children[0].pid
        """,
        tmp_path,
    )
    family = descendants(starter.pid)
    time.sleep(0.5)
    assert alive(family) == family
    kill(starter)
    assert eventually(lambda: alive(family) == [], 60), alive(family)


def test_a_program_dies_with_its_keeper(tmp_path: Path) -> None:
    child = sleeper(tmp_path)
    pid = child.pid
    keeper_pid = int(Path(f"/proc/{pid}/stat").read_text().split()[3])
    os.kill(keeper_pid, signal.SIGKILL)
    assert eventually(lambda: alive([pid]) == [], 60)
    assert not child.running


def test_ctrl_c_at_the_terminal_does_not_reach_a_program(tmp_path: Path) -> None:
    child = sleeper(tmp_path)
    assert os.getsid(child.pid) != os.getsid(0)
    child.stop()


def test_an_immediate_failure_is_reported_with_the_end_of_the_log(tmp_path: Path) -> None:
    child = spawn("broken", ["sh", "-c", "seq 100; echo the disk is on fire; exit 7"], run_dir=tmp_path)
    began = time.monotonic()
    with pytest.raises(StackError, match=r"(?s)broken ended by itself with status 7.*\n  100\n  the disk is on fire") as raised:
        child.wait_ready(lambda: False, 60)
    assert time.monotonic() - began < 50
    assert "\n  85\n" not in raised.value.message
    assert str(tmp_path / "broken.log") in raised.value.hint


def test_a_missing_program_is_reported_by_name(tmp_path: Path) -> None:
    child = spawn("ghost", ["/no/such/program"], run_dir=tmp_path)
    with pytest.raises(StackError, match=r"(?s)ghost ended by itself.*/no/such/program: No such file or directory"):
        child.wait_ready(lambda: False, 10)


def test_a_program_that_never_responds_is_stopped(tmp_path: Path) -> None:
    child = sleeper(tmp_path)
    with pytest.raises(StackError, match=r"did not answer within 0\.2 s"):
        child.wait_ready(lambda: False, 0.2)
    assert not child.running


def test_a_program_runs_only_once_per_folder(tmp_path: Path) -> None:
    child = sleeper(tmp_path)
    with (
        pytest.raises(StackError, match=rf"sleeper already runs on .* \(pid {child.pid}\)"),
        claimed(tmp_path, "sleeper", patience_seconds=0.1),
    ):
        pass
    other = sleeper(tmp_path, "another")
    child.stop()
    other.stop()
    sleeper(tmp_path).stop()


def test_a_new_start_waits_for_the_end_of_a_crashed_predecessor(tmp_path: Path) -> None:
    starter = start_starter(
        """
        import sys
        from pathlib import Path
        from etalase.devstack.process import spawn
        program = "trap 'sleep 0.7; exit' TERM; echo up; while :; do sleep 0.05; done"
        slow = spawn("slow", ["sh", "-c", program], run_dir=Path(sys.argv[1]))
        slow.wait_ready(lambda: "up" in slow.log.read_text(), 10)
        """,
        tmp_path / "below",
    )
    family = descendants(starter.pid)
    kill(starter)
    await_predecessors(tmp_path)
    assert alive(family) == []


def test_an_unusable_folder_is_reported_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StackError, match=r"sleeper cannot use the folder .*/file: "):
        sleeper(tmp_path / "file")


def test_after_kill_9_nothing_is_left_of_uvicorn_and_celery(tmp_path: Path) -> None:
    (tmp_path / "web.py").write_text(
        "async def app(scope, receive, send):\n    pass\n"
        "from celery import Celery\nqueue = Celery(broker=__import__('os').environ['BROKER'])\n"
    )
    starter = start_starter(
        """
        import os, sys
        from pathlib import Path
        from etalase.devstack import valkey
        from etalase.devstack.process import spawn
        run_dir, web_port, broker_port = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)  # Celery would load that project
        env = {**os.environ, "BROKER": valkey.start(run_dir / "valkey", broker_port).url}
        python = [sys.executable, "-m"]
        uvicorn = [*python, "uvicorn", "--workers=2", "--lifespan=off", f"--port={web_port}", "web:app"]
        web = spawn("web", uvicorn, run_dir=run_dir, cwd=run_dir, env=env)
        celery = [*python, "celery", "-A", "web:queue", "worker", "--concurrency=2", "--loglevel=INFO"]
        worker = spawn("worker", celery, run_dir=run_dir, cwd=run_dir, env=env)
        web.wait_ready(lambda: web.log.read_text().count("Started server process") == 2, 30)
        worker.wait_ready(lambda: "ready." in worker.log.read_text(), 30)
        """,
        tmp_path,
        free_port(),
        free_port(),
    )
    family = descendants(starter.pid)
    assert len(family) >= 3 + 1 + 3 + 3  # keepers; Valkey; uvicorn and Celery with two workers each
    kill(starter)
    assert eventually(lambda: alive(family) == [], 60), alive(family)
