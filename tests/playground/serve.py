"""The real site with scripted answers, for working on pages and for browser tests without a model.

python -m tests.playground.serve --port 8000
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--data", type=Path, help="keep the database here (default: a new temporary one)")
    parser.add_argument("--seconds-per-token", type=float, default=0.05)
    arguments = parser.parse_args()

    os.environ["LORALAND_DATA_DIR"] = str(arguments.data or tempfile.mkdtemp(prefix="loraland-"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.playground.settings_scripted"

    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from playground import server
    from tests.playground import worlds

    call_command("migrate", verbosity=0)
    worlds.load_scripted_catalogue()
    if not get_user_model().objects.exists():
        get_user_model().objects.create_superuser("admin", password="admin")
    settings.ALLOWED_HOSTS += server.own_hosts(arguments.host)
    worlds.use_scripted_engine(arguments.seconds_per_token)
    address = f"http://{arguments.host}:{arguments.port}"
    server.build_server(
        arguments.host, arguments.port, lambda: print(f"Serving on {address} (admin / admin)", flush=True)
    ).run()


if __name__ == "__main__":
    main()
