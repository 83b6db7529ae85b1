"""Checks the edge's commands in a project that has only the packages of the extra «edge», and another driver."""

import json
import subprocess
import sys

# Everything of the other extras, and what a project with psycopg2 and another broker than Redis lacks.
LACKING = """
import sys
LACKING = {"argon2", "dj_database_url", "psycopg", "redis", "httptools", "uvicorn", "whitenoise", "corsheaders", "axes",
           "rest_framework", "drf_spectacular", "PIL", "pyvips", "boto3"}
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in LACKING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Without())
import importlib.util
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name in LACKING else real(name, package)
"""
PROJECT = """
import importlib, json, pkgutil
import django
from django.conf import settings
from django.core.management import call_command
settings.configure(
    INSTALLED_APPS=["django.contrib.staticfiles", "django.contrib.contenttypes", "etalase.edge", "etalase.edge.pos"],
    DATABASES={"default": {"ENGINE": "django.db.backends.dummy"}}, USE_TZ=True, SECRET_KEY="x", STATIC_URL="/static/",
)
django.setup()
import etalase.edge.management.commands as commands
names = [module.name for module in pkgutil.iter_modules(commands.__path__)]
for name in names:
    importlib.import_module(f"etalase.edge.management.commands.{name}")
said = {}
for name in ("photos_init", "photos_remove"):
    try:
        call_command(name)
    except Exception as error:
        said[name] = str(error)
print(json.dumps([len(names), said]))
"""


def test_each_command_of_a_project_loads_without_the_other_extras_and_names_the_one_it_needs() -> None:
    ran = subprocess.run([sys.executable, "-I", "-c", LACKING + PROJECT], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    count, said = json.loads(ran.stdout.splitlines()[-1])
    assert count > 15
    for text in (said["photos_init"], said["photos_remove"]):
        assert "psycopg, argon2, dj_database_url" in text
        assert "pip install 'etalase[standalone]'" in text
