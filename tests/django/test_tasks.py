"""Tasks of Django 6: those that are put into a queue, and those that run at once."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.django.conftest import SETTINGS, Project, make_project

pytestmark = pytest.mark.skipif(
    find_spec("django.tasks") is None, reason="this version of Django has no tasks"
)

TASKS = """
from django.tasks import task
from playback_core import recorder

@recorder.intercept_output("invoice")
def send(number):
    return f"sent {number}"

@task(queue_name="default", priority=3)
def invoice(number, copies=1):
    return send(number)
"""

URLS = """
from django.http import JsonResponse
from django.urls import path
from shop_tasks import invoice

COPIES = 2

def home(request):
    result = invoice.enqueue(7, copies=COPIES)
    value = result.return_value if result.is_finished else None
    return JsonResponse([result.id, result.status, result.args, result.kwargs, value], safe=False)

def stock(request):
    return home(request)

urlpatterns = [path("", home, name="home"), path("stock/", stock, name="stock")]
"""


def _recorded(folder: Path, backend: str) -> Project:
    project = make_project(folder)
    tasks = {"default": {"BACKEND": f"django.tasks.backends.{backend}"}}
    project.write("shop_settings", f"{SETTINGS}\nTASKS = {tasks!r}\n")
    project.write("shop_tasks", TASKS)
    project.write("shop_urls", URLS)
    project.record()
    return project


def _compared(project: Project) -> dict[str, Any]:
    document = json.loads(project.manage("playback_compare", "home", "--json").stdout)
    (verdict,) = document["categories"]["home"]
    found: dict[str, Any] = verdict
    return found


@pytest.mark.parametrize("backend", ["dummy.DummyBackend", "immediate.ImmediateBackend"])
def test_tasks_replay_equal(tmp_path, backend):
    assert _compared(_recorded(tmp_path, backend))["status"] == "Equal"


def test_a_task_that_is_put_into_a_queue_is_an_output_with_its_arguments(tmp_path):
    project = _recorded(tmp_path, "dummy.DummyBackend")
    project.write("shop_urls", URLS.replace("COPIES = 2", "COPIES = 3"))
    verdict = _compared(project)
    assert verdict["status"] == "Different"
    assert "output django task shop_tasks.invoice" in str(verdict)
    assert "kwargs['kwargs']['copies']: 2 -> 3" in str(verdict)


def test_what_a_task_does_that_runs_at_once_is_part_of_its_request(tmp_path):
    project = _recorded(tmp_path, "immediate.ImmediateBackend")
    project.write("shop_tasks", TASKS.replace("send(number)\n", "send(number + 1)\n"))
    verdict = _compared(project)
    assert verdict["status"] == "Different"
    assert "output invoice" in str(verdict)


OWN = """
from dataclasses import dataclass
from django.tasks import TaskResult, TaskResultStatus
from django.tasks.backends.base import BaseTaskBackend

@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered(TaskResult):
    number: int

class Numbering(BaseTaskBackend):
    supports_priority = True

    def enqueue(self, task, args, kwargs):
        at = dict.fromkeys(("enqueued_at", "started_at", "finished_at", "last_attempted_at"))
        return Numbered(
            task=task, id="1", status=TaskResultStatus.READY, **at, args=args, kwargs=kwargs,
            backend=self.alias, errors=[], worker_ids=[], number=1,
        )

class Telling(BaseTaskBackend):
    supports_priority = True

    def enqueue(self, task, args, kwargs):
        return [task.name, *args]
"""

ASKED = """
from django.http import JsonResponse
from django.urls import path
from shop_tasks import invoice

def home(request):
    result = invoice.enqueue(7)
    told = invoice.using(backend="telling").enqueue(8)
    gone = invoice.using(backend="telling")
    object.__setattr__(gone, "backend", "nowhere")
    try:
        gone.enqueue(9)
    except Exception as error:
        kind = type(error).__name__
    return JsonResponse([result.id, result.status, told, kind], safe=False)

urlpatterns = [path("", home, name="home")]
"""


def test_tasks_of_backends_that_are_not_djangos_replay_equal(tmp_path):
    project = make_project(tmp_path)
    names = {"default": "Numbering", "telling": "Telling"}
    tasks = {alias: {"BACKEND": f"shop_backends.{name}"} for alias, name in names.items()}
    project.write("shop_settings", f"{SETTINGS}\nTASKS = {tasks!r}\n")
    project.write("shop_backends", OWN)
    project.write("shop_tasks", TASKS)
    project.write("shop_urls", ASKED)
    project.record()
    assert _compared(project)["status"] == "Equal"
