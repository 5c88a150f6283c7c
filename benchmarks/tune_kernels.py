"""Times the graph of a decoding step with other launch shapes than those in `inference.gpu.model`.

python -m benchmarks.tune_kernels
"""

from __future__ import annotations

import itertools
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.multilora import KINDS, engine_with, mistral_7b, requests
from inference.gpu import runner as runners

LAYERS = 8


def replays(engine, n: int, lora: bool, prompt: int = 256, new: int = 40) -> float:
    """Milliseconds of the graph that decodes n rows, replayed alone; scaled to 32 layers."""
    engine.runner._graphs.clear()
    vocab = engine.runner.model_config.vocab_size
    for request in requests(n, prompt, new, lora, vocab):
        engine.add_request(request)
    while engine.scheduler.waiting or any(s.num_computed < prompt for s in engine.scheduler.running):
        engine.step()
    for _ in range(3):
        engine.step()
    (graph, _, _) = next(iter(engine.runner._graphs.values()))
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    times = []
    for _ in range(3):
        start.record()
        for _ in range(20):
            graph.replay()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / 20)
    while engine.has_work:
        engine.step()
    return sorted(times)[1] * 32 / LAYERS


def main() -> None:
    model = mistral_7b(LAYERS)
    kind = KINDS["all16"]
    with tempfile.TemporaryDirectory() as directory, engine_with(kind, Path(directory), 25, model) as engine:
        launches = engine.runner.model.launches
        for n, lora in itertools.product((1, 8, 25, 64, 128, 256), (False, True)):
            best = {}
            for grouped_from in (10_000, 2):
                if grouped_from == 2 and (n < 25 or not lora):
                    continue
                runners._GROUPED_FROM = grouped_from
                rows = 16 if grouped_from == 2 else 1
                original = launches[rows, lora]
                options = [original]
                for block, warps in (
                    (128, 1),
                    (256, 1),
                    (512, 1),
                    (128, 2),
                    (256, 2),
                    (128, 4),
                    (256, 4),
                    (512, 4),
                    (256, 8),
                ):
                    options.append(replace(original, silu_block=block, silu_warps=warps))
                for warps in (1, 2, 4, 8):
                    options.append(replace(original, add_warps=warps))
                for warps in (1, 2, 4):
                    options.append(replace(original, head_warps=warps))
                for option in dict.fromkeys(options):
                    launches[rows, lora] = option
                    shape = (option.head_warps, option.silu_block, option.silu_warps, option.add_warps)
                    best[rows, *shape] = round(replays(engine, n, lora), 3)
                launches[rows, lora] = original
            ranked = sorted(best.items(), key=lambda item: item[1])
            default = next(iter(best.items()))
            print(
                json.dumps(
                    {"n": n, "lora": lora, "default": default, "best": ranked[:6], "worst": ranked[-1]}
                ),
                flush=True,
            )


if __name__ == "__main__":
    main()
