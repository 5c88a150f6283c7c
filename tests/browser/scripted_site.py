"""The real site with scripted answers, for tests in which timing and text must be exact.

python -m tests.browser.scripted_site --port 8123 --data /tmp/somewhere
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

COUNT = 60
# Numbered words: whatever is lost or comes twice shows.
COUNTING = [str(number) if number == 1 else f" {number}" for number in range(1, COUNT + 1)]
BASE_TEXT = "".join(COUNTING)
SILENTLY = "silently"  # in a prompt: the base has nothing to say
SLOWLY = "slowly"  # in a prompt: the base takes its time, so that a test can step in
HOSTILE = (
    "<script>window.hacked = true</script><img src=x onerror='window.hacked = true'>"
    "<a hx-get='/admin/' hx-trigger='load'>\n  two spaces kept\n</a>"
)
MANY_LINES = "".join(f"line {number}\n" for number in range(1, 161))
FAILURE = "The adapter's weights could not be read."
SOLUTION = "3 boxes of 4 are 12.\n#### 12"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    os.environ["LORALAND_DATA_DIR"] = str(arguments.data)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.playground.settings_scripted"

    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from inference.request import GenerationRequest
    from playground import server
    from playground.engine import engine
    from tests.playground import worlds
    from tests.playground.scripted_client import Script, ScriptedClient

    class Player(ScriptedClient):
        """The base counts, slowly if asked to; `gsm8k` fails the first time it is given a prompt, and answers
        the second time."""

        def __init__(self) -> None:
            super().__init__(max_model_len=2048)
            self.seen: set[str] = set()

        async def submit(self, request: GenerationRequest) -> str:
            if request.adapter is None:
                pace = 0.05 if SLOWLY in request.prompt else 0.005
                words = [""] if SILENTLY in request.prompt else COUNTING
                self.script(None, Script(words, seconds_to_first=0.05, seconds_per_token=pace))
            if request.adapter == "gsm8k":
                first = request.prompt not in self.seen
                self.seen.add(request.prompt)
                fail = ("adapter_invalid", FAILURE) if first else None
                self.script("gsm8k", Script(["3 boxes"] if first else [SOLUTION], fail=fail))
            return await super().submit(request)

    call_command("migrate", verbosity=0)
    worlds.load_scripted_catalogue()
    get_user_model().objects.create_superuser("admin", password="admin")
    client = Player()
    client.script("glue_sst2", Script(["1"], loading=True))
    client.script("conllpp", Script([HOSTILE[:30], HOSTILE[30:]]))
    client.script("viggo", Script(MANY_LINES.splitlines(keepends=True), seconds_per_token=0.01))
    client.register("gsm8k")
    engine.use(client)
    server.build_server("127.0.0.1", arguments.port, lambda: print("ready", flush=True)).run()


if __name__ == "__main__":
    main()
