"""The arrows of the house: who may import whom."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_import_contracts_hold():
    # In a process of its own: other tests' libraries leave logging handlers that do not bear its console.
    program = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_engine_needs_only_its_own_libraries():
    """`inference` imports with every other installed third-party package hidden."""
    program = f"""
import sys

class Hiding:
    hidden = {{"django", "channels", "pydantic", "peft", "accelerate", "redis", "celery", "uvicorn"}}
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in self.hidden else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Hiding(finder) for finder in sys.meta_path]
sys.path.insert(0, {str(ROOT)!r})
from inference import Engine, EngineConfig, GenerationRequest, InProcessClient, SamplingParams
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd="/")


def test_management_commands_do_not_load_torch():
    """Migrating a database must not cost seconds of importing a deep-learning framework."""
    program = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "loraland_site.settings"
import django
django.setup()
from django.urls import get_resolver
get_resolver().url_patterns
import loraland_site.asgi
assert "torch" not in sys.modules, "torch was imported"
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
