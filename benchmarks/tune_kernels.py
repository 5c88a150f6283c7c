"""Times the graph of a decoding step with other launch shapes than those in `inference.gpu.model`.

python -m benchmarks.tune_kernels [n ...]
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.multilora import KINDS, engine_with, mistral_7b, replay_ms, requests
from inference import Engine
from inference.gpu import runner as runners

LAYERS = 8
BLOCKS = ((64, 1), (128, 1), (256, 1), (64, 2), (128, 2), (256, 2), (128, 4), (256, 4), (512, 4), (256, 8))


class Tuner:
    """Keeps every graph that it captures, since they share their memory."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self._kept: list[object] = []

    def milliseconds(self, n: int, lora: bool, prompt: int = 256) -> float:
        """Of the graph that decodes n rows; scaled to 32 layers."""
        runner, engine = self.engine.runner, self.engine
        self._kept.append(dict(runner._graphs))
        runner._graphs.clear()
        for request in requests(n, prompt, 40, lora, runner.model_config.vocab_size):
            engine.add_request(request)
        while engine.scheduler.waiting or any(s.num_computed < prompt for s in engine.scheduler.running):
            engine.step()
        for _ in range(3):
            engine.step()
        result = replay_ms(engine)
        for sequence in list(engine.scheduler.running):
            engine.cancel(sequence.request.request_id)
        engine.step()
        return result * 32 / LAYERS


def main() -> None:
    sizes = [int(word) for word in sys.argv[1:]] or [1, 8, 25, 64, 128, 256]
    kind = KINDS["all16"]
    with (
        tempfile.TemporaryDirectory() as directory,
        engine_with(kind, Path(directory), 25, mistral_7b(LAYERS)) as engine,
    ):
        tuner, launches = Tuner(engine), engine.runner.model.launches
        for n in sizes:
            for lora, rows in ((False, 1), (True, 1), (True, 16)):
                if rows == 16 and n < 25:
                    continue
                runners._GROUPED_FROM = 1 if rows == 16 else 10_000
                original = launches[rows, lora]
                options = [original]
                options += [replace(original, silu_block=block, silu_warps=warps) for block, warps in BLOCKS]
                options += [replace(original, add_warps=warps) for warps in (1, 2, 4, 8)]
                options += [replace(original, head_warps=warps) for warps in (1, 2, 4)]
                times = {}
                for option in dict.fromkeys(options):
                    launches[rows, lora] = option
                    times[tuple(asdict(option).values())] = round(tuner.milliseconds(n, lora), 3)
                launches[rows, lora] = original
                print(json.dumps({"n": n, "lora": lora, "rows": rows}), list(times.items()), flush=True)


if __name__ == "__main__":
    main()
