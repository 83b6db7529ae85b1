"""Makes our functions the tasks behind the guide's names, also where a project still defines tasks of these names.

Celery keeps the first task of a name, and calls the registrations of shared tasks in the order of a set: without a claim,
worker, beat and shell may each run another one.
"""

import inspect
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple

from celery import Celery, Task, current_app, shared_task
from celery._state import connect_on_app_finalize
from celery.signals import beat_init, celeryd_after_setup
from django.apps import apps

from etalase.edge.task_names import GUIDE_PREFIX, OUR_TASKS, OWN_PREFIX

_state: Any = import_module("celery._state")


@dataclass(slots=True)
class Claims:
    """Our functions by the names of their tasks, and the code of tasks that lost their place to ours, with its name."""

    functions: dict[str, Callable[..., Any]] = field(default_factory=dict)
    displaced: set[tuple[str, Any]] = field(default_factory=set)


# Those of this process: Celery registers shared tasks in each of its applications.
claims = Claims()


class OtherDefinition(NamedTuple):
    """A task of the project under one of our names: its name, and the place of its code."""

    name: str
    place: str


def owned(function: Callable[..., Any]) -> "Task[Any, Any]":
    """Makes ``function`` a task under its own name and the guide's, in every Celery application. Returns the guide's."""
    for prefix in (OWN_PREFIX, GUIDE_PREFIX):
        claims.functions[f"{prefix}.{function.__name__}"] = function
    task: Task[Any, Any] = shared_task(bind=True, name=f"{GUIDE_PREFIX}.{function.__name__}")(function)
    for app in _state._get_active_apps():  # noqa: SLF001 - Celery has no other list of applications
        if app.finalized:
            claim(app)
    return task


def claim(app: Celery) -> None:
    """Registers our functions under all their names, in the place of any other task."""
    for name, function in claims.functions.items():
        there = app.tasks.get(name)
        if not _is_ours(there, function):
            if app.tasks.pop(name, None) is not None:
                claims.displaced.add((name, _code(there)))
            app.task(name=name, bind=True, shared=False, lazy=False)(function)


def other_definitions() -> list[OtherDefinition]:
    """Returns the tasks under our names that the project defines, after an import of all its task modules."""
    _import_task_modules(current_app)
    probe = _Probe("etalase-probe", set_as_current=False)
    probe.finalize()
    probe.close()
    claim(current_app)
    return sorted({OtherDefinition(name, _place(code)) for name, code in probe.seen | claims.displaced})


def _import_task_modules(app: Celery) -> None:
    """Imports the modules that a worker imports. Celery's own loader would run Django's checks, of which this is one."""
    named = [f"{config.name}.tasks" for config in apps.get_app_configs()]
    for name in (*named, *app.conf.imports, *app.conf.include):
        with suppress(Exception):  # the worker reports a broken module
            import_module(name)


class _Probe(Celery):
    """An application that registers no task, and notes which functions would be tasks under our names."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seen: set[tuple[str, Any]] = set()

    def _task_from_fun(self, fun: Any, *args: Any, **options: Any) -> Any:
        name = options.get("name") or self.gen_task_name(fun.__name__, fun.__module__)
        if name in OUR_TASKS and claims.functions.get(name) is not fun:
            self.seen.add((name, fun))
        return super()._task_from_fun(fun, *args, **options)


def _is_ours(task: Any, function: Callable[..., Any]) -> bool:
    return _code(task) is function


def _code(task: Any) -> Any:
    """Returns the function of a task, or its class."""
    function = vars(type(task)).get("__wrapped__", type(task))
    return function.__func__ if isinstance(function, staticmethod) else function


def _place(code: Any) -> str:
    try:
        source, line = inspect.getsourcefile(code), inspect.getsourcelines(code)[1]
    except (OSError, TypeError):
        return f"{code.__module__}.{getattr(code, '__qualname__', '')}"
    return f"{source}, line {line}"


def _claim_for_worker(instance: Any, **_: Any) -> None:
    claim(instance.app)


def _claim_for_beat(sender: Any, **_: Any) -> None:
    claim(sender.app)


# Celery 5.7 warns of each such task in each process, up to four times; etalase.W002 names it once, with the remedy.
warnings.filterwarnings("ignore", message=f"Task name '({'|'.join(map(re.escape, OUR_TASKS))})' is already registered")
connect_on_app_finalize(claim)
# A class of the project's may have been registered since, by the import of its task modules.
celeryd_after_setup.connect(_claim_for_worker)
beat_init.connect(_claim_for_beat)
