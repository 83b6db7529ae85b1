"""Checks that our functions run under the guide's names, for any order in which a project defines tasks of these names."""

import importlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakSet

import pytest
from celery import Celery, Task, shared_task

import etalase.edge.tasks  # noqa: F401 - the real tasks are registered before these tests begin
from etalase.edge import task_ownership
from etalase.edge.task_names import GUIDE_TASKS, OUR_TASKS
from etalase.edge.task_ownership import Claims, claim, other_definitions, owned

_state: Any = importlib.import_module("celery._state")
HOURLY = "sync_api.tasks.sync_product_photos"


def sync_product_photos(task: object) -> str:
    return "ours"


@pytest.fixture(autouse=True)
def _no_task_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = set(_state._on_app_finalizers)
    _state._on_app_finalizers.clear()
    _state._on_app_finalizers.add(claim)
    monkeypatch.setattr(task_ownership, "claims", Claims())
    monkeypatch.setattr(_state, "_apps", WeakSet())  # applications of other tests keep their tasks
    current = _state._tls.current_app, _state.default_app
    Celery("none-of-other-tests", set_as_current=False).set_current()
    yield
    _state._on_app_finalizers.clear()
    _state._on_app_finalizers.update(before)
    _state._tls.current_app, _state.default_app = current


def by_shared_task(app: Celery) -> None:
    @shared_task(name=HOURLY)
    def theirs() -> str:
        return "theirs"


def by_app_task(app: Celery) -> None:
    @app.task(name=HOURLY)
    def theirs() -> str:
        return "theirs"


def by_module_name(app: Celery) -> None:
    def sync_product_photos() -> str:
        return "theirs"

    sync_product_photos.__module__ = "sync_api.tasks"
    shared_task(sync_product_photos)


def by_class(app: Celery) -> None:
    class Theirs(Task[Any, Any]):
        name = HOURLY

        def run(self) -> str:
            return "theirs"

    app.register_task(Theirs())


WAYS: list[Callable[[Celery], None]] = [by_shared_task, by_app_task, by_module_name, by_class]


@pytest.mark.filterwarnings("ignore")  # Celery warns of two tasks of one name
@pytest.mark.parametrize("define", WAYS)
@pytest.mark.parametrize("order", list(itertools.permutations(["ours", "theirs", "finalize"])))
def test_our_task_runs_whatever_the_order(define: Callable[[Celery], None], order: tuple[str, ...]) -> None:
    app = Celery("project", set_as_current=False)
    app.set_current()
    steps: dict[str, Callable[[], object]] = {
        "ours": lambda: owned(sync_product_photos),
        "theirs": lambda: define(app),
        "finalize": app.finalize,
    }
    for step in order:
        steps[step]()
    claim(app)  # as the start of a worker or beat does, for classes that were registered last
    for name in (HOURLY, "etalase.edge.tasks.sync_product_photos"):
        assert app.tasks[name]() == "ours"
        assert app.tasks[name].name == name
    assert {clash.name for clash in other_definitions()} == {HOURLY}
    app.close()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("define", [by_shared_task, by_app_task, by_module_name])
@pytest.mark.parametrize("order", list(itertools.permutations(["ours", "theirs", "finalize"])))
def test_without_a_worker_only_a_class_registered_last_is_in_our_place(
    define: Callable[[Celery], None], order: tuple[str, ...]
) -> None:
    app = Celery("project", set_as_current=False)
    steps: dict[str, Callable[[], object]] = {
        "ours": lambda: owned(sync_product_photos),
        "theirs": lambda: define(app),
        "finalize": app.finalize,
    }
    for step in order:
        steps[step]()
    assert app.tasks[HOURLY]() == "ours"
    app.close()


def test_our_own_tasks_are_no_clash() -> None:
    owned(sync_product_photos)
    assert other_definitions() == []


def test_the_guides_names_are_aliases() -> None:
    assert {name.rpartition(".")[2] for name in OUR_TASKS} == {name.rpartition(".")[2] for name in GUIDE_TASKS}
    assert len(OUR_TASKS) == 2 * len(GUIDE_TASKS)
