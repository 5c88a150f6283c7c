"""`manage.py demo` as a person runs it, and the commands around it."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import httpx
import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import CommandError, call_command

from playground import passwords, server
from tests.playground.worlds import write_world

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Demo:
    """`manage.py demo` in a process of its own, with its own data."""

    def __init__(self, directory: Path, **environment: str):
        self.port = environment.get("PORT") or str(free_port())
        self.environment = {
            **os.environ,
            "LORALAND_DATA_DIR": str(directory / "data"),
            "LORALAND_WORLD": str(directory / "world"),
            "PORT": self.port,
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self.environment.pop("DJANGO_SETTINGS_MODULE", None)

    def command(self, *arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def __enter__(self) -> Demo:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo"],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        for line in self.process.stdout:
            self.lines.append(line)
            if "is ready on" in line or "The pages are on" in line:
                return self
        raise AssertionError("".join(self.lines))

    def __exit__(self, *error) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.stdout.read()
        assert self.process.wait(timeout=20) in (0, -signal.SIGINT)

    def get(self, path: str, **options) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=20, **options)


def test_the_demo_from_nothing_then_again_in_under_ten_seconds(tmp_path):
    with Demo(tmp_path, LORALAND_WORLD=str(ROOT / "demo")) as demo:
        assert "Loading the engine ...\n" in demo.lines
        assert demo.get("/readyz").status_code == 200
        assert "0 adapters added" not in "".join(demo.lines)

    began = time.monotonic()
    with Demo(tmp_path, LORALAND_WORLD=str(ROOT / "demo")) as demo:
        assert demo.get("/readyz").status_code == 200
        assert time.monotonic() - began < 10
        assert "Administrator" not in "".join(demo.lines)
        assert "0 adapters added, 0 updated" in "".join(demo.lines)


def test_a_demo_without_its_checkpoint_serves_the_pages_and_says_so(tmp_path):
    world = write_world(tmp_path / "world")
    world.base_path.rmdir()
    with Demo(tmp_path) as demo:
        output = "".join(demo.lines)
        assert "is ready" not in output
        assert "The engine could not start. There is no model at base" in output
        assert f"http://127.0.0.1:{demo.port}" in output
        password = output.partition("Administrator: admin / ")[2].split()[0]
        assert demo.get("/").status_code == 200
        assert demo.get("/static/admin/css/base.css").status_code == 200
        assert demo.get("/healthz").status_code == 200
        assert demo.get("/", headers={"Host": "evil.example"}).status_code == 400

        with httpx.Client(base_url=f"http://127.0.0.1:{demo.port}") as browser:
            page = browser.get("/admin/login/")
            form = {"username": "admin", "password": password}
            form["csrfmiddlewaretoken"] = page.cookies["csrftoken"]
            assert browser.post("/admin/login/?next=/admin/", data=form).headers["Location"] == "/admin/"

        ready = demo.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"]["engine"]["message"] in output
        assert str(tmp_path) not in ready.text + demo.get("/").text
        assert str(world.base_path) in output  # the log keeps the whole path

        again = demo.command("demo_password")
        assert again.stdout == f"admin / {password}\n"
        busy = demo.command("demo")
        assert busy.returncode != 0
        assert busy.stderr.count("\n") == 1
        assert f"Port {demo.port} is busy" in busy.stderr
        assert "PORT=" in busy.stderr

    data = tmp_path / "data"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for secret in ("secret-key", "admin-password"):
        assert stat.S_IMODE((data / secret).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"PORT": "eighty"}, "PORT must be a number"),
        ({"PORT": "70000"}, "70000 is not a port"),
        ({"HOST": "192.0.2.77"}, "192.0.2.77 is no address of this machine"),
        ({"LORALAND_DEBUG": "maybe"}, "LORALAND_DEBUG must be true or false"),
        ({"LORALAND_ORIGINS": "lora.example"}, "LORALAND_ORIGINS must list full origins"),
        ({"LORALAND_MAX_MODEL_LEN": "0"}, "LORALAND_MAX_MODEL_LEN must be from 16"),
    ],
    ids=str,
)
def test_a_wrong_setting_stops_the_demo_with_a_sentence(tmp_path, environment, sentence):
    result = Demo(tmp_path, **environment).command("demo")
    assert result.returncode != 0
    assert sentence in result.stderr.splitlines()[-1]


def test_production_settings_pass_djangos_own_check(tmp_path):
    demo = Demo(
        tmp_path,
        LORALAND_HTTPS="true",
        LORALAND_SECRET_KEY="k" * 25 + "0123456789abcdefghijklmnopqrstuvwxyz",
        LORALAND_ALLOWED_HOSTS="lora.example",
        LORALAND_ORIGINS="https://lora.example",
    )
    result = demo.command("check", "--deploy", "--fail-level", "WARNING")
    assert result.returncode == 0, result.stderr


def test_the_models_and_their_migrations_agree(db):
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())


class TestPassword:
    @pytest.fixture(autouse=True)
    def own_data(self, db, settings, tmp_path):
        settings.DATA_DIR = tmp_path

    def test_is_made_once(self):
        password = passwords.ensure_admin()
        assert authenticate(username="admin", password=password).is_superuser
        assert len(password) >= 20
        assert passwords.ensure_admin() is None
        assert passwords.stored_password() == password

    def test_can_be_reset(self):
        old = passwords.ensure_admin()
        out = StringIO()
        call_command("demo_password", "--reset", stdout=out)
        new = out.getvalue().removeprefix("admin / ").strip()
        assert new != old
        assert authenticate(username="admin", password=old) is None
        assert authenticate(username="admin", password=new)

    def test_that_was_changed_elsewhere_is_not_claimed_to_be_known(self):
        passwords.ensure_admin()
        user = get_user_model().objects.get()
        user.set_password("another one entirely")
        user.save()
        with pytest.raises(CommandError, match="--reset"):
            call_command("demo_password")

    def test_without_a_user_there_is_none(self):
        with pytest.raises(CommandError, match="--reset"):
            call_command("demo_password")


class TestHosts:
    def test_a_loopback_demo_answers_to_itself_only(self):
        assert server.own_hosts("127.0.0.1") == ["127.0.0.1"]
        assert server.own_hosts("::1") == ["[::1]"]

    def test_a_demo_on_all_addresses_answers_to_this_machines_names(self):
        hosts = server.own_hosts("0.0.0.0")
        assert socket.gethostname().lower() in hosts
        assert not {"*", "", "0.0.0.0"} & set(hosts)
