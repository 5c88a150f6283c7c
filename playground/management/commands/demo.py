from __future__ import annotations

import asyncio
import contextlib
import os

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from playground.engine import State, engine
from playground.passwords import USERNAME, ensure_admin
from playground.server import PortError, build_server, check_port, own_hosts


class Command(BaseCommand):
    help = "Prepares the database and the catalogue, then serves the whole site from this one process."
    requires_system_checks = []

    def add_arguments(self, parser) -> None:
        parser.add_argument("--host", default=os.environ.get("HOST") or "127.0.0.1")
        parser.add_argument("--port", default=os.environ.get("PORT") or "8000")

    def handle(self, *args, host: str, port: str, **options) -> None:
        if not port.isdecimal():
            raise CommandError(f"PORT must be a number such as 8000, not {port!r}.")
        try:
            check_port(host, int(port))
        except PortError as error:
            raise CommandError(str(error)) from None
        settings.ALLOWED_HOSTS += [name for name in own_hosts(host) if name not in settings.ALLOWED_HOSTS]
        call_command("migrate", verbosity=0, interactive=False)
        call_command("load_catalogue", stdout=self.stdout, stderr=self.stderr)
        password = ensure_admin()
        if password is not None:
            self.stdout.write(
                f"Administrator: {USERNAME} / {password}   (again: .venv/bin/python manage.py demo_password)"
            )

        def announce() -> None:
            self.say("Loading the engine ...")
            self.waiting = asyncio.create_task(self.announce_engine(address(host, int(port))))

        # uvicorn has shut down in order when it passes Ctrl+C on.
        with contextlib.suppress(KeyboardInterrupt):
            build_server(host, int(port), announce).run()

    async def announce_engine(self, url: str) -> None:
        await engine.settled()
        if engine.state is State.READY:
            self.say(f"LoRA Land is ready on {url}   (Ctrl+C stops it)")
        elif engine.state is State.FAILED:
            self.say(f"{engine.sentence}\nThe pages are on {url} all the same   (Ctrl+C stops it)")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def address(host: str, port: int) -> str:
    """What to open in a browser on this machine."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{name}:{port}"
