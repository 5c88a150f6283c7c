"""Decoding and prompt reading with 25 adapters, against the same engine without: one JSON line per row.

A Mistral-7B shape with random weights and random adapters, everything through `Engine.generate`: n requests
at once, random prompts, greedy, end of text ignored, no prefix shared. Request i uses adapter i mod 25.
`tpot_ms` is (time for all tokens - time for one) / (tokens - 1); `floor_ms` the time that weights, adapters
and keys and values need at the copy bandwidth measured in the same run; `tax` is over the base row of the
same n.

    python -m benchmarks.multilora            # all rows
    python -m benchmarks.multilora --quick    # fewer repeats; at most four minutes with start-up
    python -m benchmarks.multilora --profile 64   # and where a step's time goes
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer as RawTokenizer
from tokenizers import decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from inference import Engine, EngineConfig, GenerationRequest, SamplingParams
from inference.gpu.runner import GpuRunner
from inference.models.config import ModelConfig, RotaryEmbedding
from inference.tokenization import Tokenizer

ADAPTERS = 25
CONTEXT = 4096
ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def mistral_7b(layers: int = 32) -> ModelConfig:
    head_dim = 128
    return ModelConfig(
        architecture="MistralForCausalLM",
        num_layers=layers,
        hidden_size=4096,
        intermediate_size=14336,
        num_heads=32,
        num_kv_heads=8,
        head_dim=head_dim,
        vocab_size=32000,
        max_position=CONTEXT,
        rms_norm_eps=1e-5,
        rotary=RotaryEmbedding(tuple(1e4 ** (-2 * i / head_dim) for i in range(head_dim // 2)), 1.0),
        sliding_window=None,
        tie_word_embeddings=False,
        attention_bias=False,
        mlp_bias=False,
        eos_token_ids=frozenset([2]),
    )


class RandomCheckpoint:
    """Gives random tensors of any name and shape."""

    def __init__(self) -> None:
        self.directory = "random"
        self._generator = torch.Generator("cuda").manual_seed(0)

    def __enter__(self) -> RandomCheckpoint:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __contains__(self, name: str) -> bool:
        return True

    def take(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        if "norm" in name:
            return torch.ones(shape, dtype=dtype, device="cuda")
        return torch.randn(shape, dtype=dtype, device="cuda", generator=self._generator).mul_(0.02)

    def finish(self) -> None:
        pass


@dataclass(frozen=True)
class Kind:
    """Adapters of one kind: `ranks` are dealt out in turn."""

    name: str
    ranks: tuple[int, ...]
    targets: tuple[str, ...]

    def bytes_each(self, model: ModelConfig) -> float:
        features = sum(
            sum(shape)
            for name, shape in model.linear_shapes.items()
            if name.rpartition(".")[2] in self.targets
        )
        return 2 * features * model.num_layers * sum(self.ranks) / len(self.ranks)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("all16", (16,), ALL),
        Kind("qv8", (8,), ("q_proj", "v_proj")),
        Kind("all30", (30,), ALL),
        Kind("all64", (64,), ALL),
        Kind("mixed", (8, 16, 32, 64), ALL),
    )
}


def write_adapter(directory: Path, kind: Kind, index: int, model: ModelConfig) -> Path:
    rank = kind.ranks[index % len(kind.ranks)]
    generator = torch.Generator("cuda").manual_seed(index)
    tensors = {}
    for layer in range(model.num_layers):
        for name, (out_features, in_features) in model.linear_shapes.items():
            if name.rpartition(".")[2] not in kind.targets:
                continue
            prefix = f"base_model.model.model.layers.{layer}.{name}"
            for side, shape in (("A", (rank, in_features)), ("B", (out_features, rank))):
                values = torch.randn(shape, dtype=torch.bfloat16, device="cuda", generator=generator)
                tensors[f"{prefix}.lora_{side}.weight"] = values.mul_(0.01).cpu()
    path = directory / f"{kind.name}-{index}"
    path.mkdir()
    save_file(tensors, path / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": 2 * rank,
        "target_modules": list(kind.targets),
    }
    (path / "adapter_config.json").write_text(json.dumps(config))
    return path


def tokenizer(vocab_size: int) -> Tokenizer:
    """A byte-level tokenizer with as many pieces as the model has, none of which matters."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = letters + [a + b for a in letters for b in letters]
    raw = RawTokenizer(models.BPE({piece: i for i, piece in enumerate(pieces[:vocab_size])}, []))
    raw.pre_tokenizer, raw.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    return Tokenizer(PreTrainedTokenizerFast(tokenizer_object=raw))


@contextmanager
def engine_with(kind: Kind | None, directory: Path, adapters: int, model: ModelConfig) -> Iterator[Engine]:
    pool = 1 if kind is None else sum(kind.ranks[i % len(kind.ranks)] for i in range(ADAPTERS))
    config = EngineConfig(
        model="random",
        device="cuda",
        dtype="bfloat16",
        kv_cache_tokens=256 * 512,
        max_num_seqs=256,
        max_batched_tokens=8192,
        adapter_slots=ADAPTERS,
        lora_ranks=pool,
        prefix_cache=False,
        adapter_host_slots=0,
    )
    runner = GpuRunner(config, model_config=model, checkpoint=RandomCheckpoint())
    engine = Engine(config, runner=runner, tokenizer=tokenizer(model.vocab_size))
    if kind is not None:
        for index in range(adapters):
            path = directory / f"{kind.name}-{index}"
            engine.load_adapter(
                f"a{index}", path if path.is_dir() else write_adapter(directory, kind, index, model)
            )
    yield engine
    engine.close()
    del engine, runner
    torch.cuda.empty_cache()


def requests(n: int, prompt: int, new: int, use_adapters: bool, vocab: int) -> list[GenerationRequest]:
    generator = torch.Generator().manual_seed(n)
    ids = torch.randint(3, vocab, (n, prompt), generator=generator).tolist()
    sampling = SamplingParams(max_tokens=new, temperature=0, ignore_eos=True)
    return [
        GenerationRequest(
            prompt_token_ids=tuple(row),
            adapter=f"a{i % ADAPTERS}" if use_adapters else None,
            sampling=sampling,
        )
        for i, row in enumerate(ids)
    ]


def replay_ms(engine: Engine) -> float:
    """Milliseconds of the graph used last, replayed alone: what the device needs for a step."""
    graph = engine.runner.last_graph
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    times = []
    for _ in range(3):
        start.record()
        for _ in range(20):
            graph.replay()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end) / 20)
    return sorted(times)[1]


def slow_steps(engine: Engine, n: int, prompt: int, new: int, use_adapters: bool) -> dict[str, object]:
    """The median step of a whole run, and the longest ones."""
    for request in requests(n, prompt, new, use_adapters, engine.runner.model_config.vocab_size):
        engine.add_request(request)
    times, half = [], 0.0
    while engine.has_work:
        start = time.perf_counter()
        engine.step()
        times.append(round((time.perf_counter() - start) * 1000, 2))
        if len(times) == new // 2:
            half = round(replay_ms(engine), 3)
    ordered = sorted(range(len(times)), key=lambda i: -times[i])
    return {
        "steps": len(times),
        "median_ms": sorted(times)[len(times) // 2],
        "longest": [(i, times[i]) for i in ordered[:6]],
        "graph_alone_ms": half,
    }


def seconds(engine: Engine, n: int, prompt: int, new: int, use_adapters: bool) -> float:
    batch = requests(n, prompt, new, use_adapters, engine.runner.model_config.vocab_size)
    torch.cuda.synchronize()
    start = time.perf_counter()
    outputs = engine.generate(batch)
    torch.cuda.synchronize()
    elapsed = time.perf_counter() - start
    for output in outputs:
        if output.error is not None or len(output.token_ids) != new:
            raise SystemExit(f"A request ended with {output.finish_reason}: {output.error}")
    return elapsed


def copy_bandwidth() -> float:
    """Bytes per second of a device-to-device copy, read and written."""
    a = torch.empty(2 << 30, dtype=torch.uint8, device="cuda")
    b = torch.empty_like(a)
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    b.copy_(a)
    start.record()
    for _ in range(5):
        b.copy_(a)
    end.record()
    end.synchronize()
    return 10 * a.nbytes / (start.elapsed_time(end) / 1000)


def floor_ms(model: ModelConfig, n: int, tokens: float, kind: Kind | None, bandwidth: float) -> float:
    linear = sum(rows * columns for rows, columns in model.linear_shapes.values())
    weights = 2 * (model.num_layers * linear + model.vocab_size * model.hidden_size)
    cache = n * tokens * model.num_layers * 2 * model.kv_size * 2
    adapters = 0 if kind is None else min(n, ADAPTERS) * kind.bytes_each(model)
    return (weights + cache + adapters) / bandwidth * 1000


def profile(engine: Engine, n: int, prompt: int, use_adapters: bool) -> None:
    """Prints the kernels of decoding steps, and how long the host needs for one."""
    vocab = engine.runner.model_config.vocab_size
    for request in requests(n, prompt, 64, use_adapters, vocab):
        engine.add_request(request)
    while (
        any(sequence.num_computed < prompt for sequence in engine.scheduler.running)
        or engine.scheduler.waiting
    ):
        engine.step()
    for _ in range(10):
        engine.step()
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as trace

    with trace(activities=[ProfilerActivity.CUDA]) as profiler:
        for _ in range(5):
            engine.step()
        torch.cuda.synchronize()
    rows = sorted(profiler.key_averages(), key=lambda row: -row.self_device_time_total)
    for row in rows[:16]:
        share = row.self_device_time_total / 5
        print(
            f"  {share:9.1f} us/step {row.count / 5:7.1f} x {share / max(row.count / 5, 1):7.2f}"
            f"  {row.key[:90]}"
        )
    original, spent = engine._choose, [0.0]  # waiting for the device happens there

    def waiting(*args: object) -> object:
        start = time.perf_counter()
        result = original(*args)
        spent[0] += time.perf_counter() - start
        return result

    engine._choose = waiting
    start = time.perf_counter()
    for _ in range(20):
        engine.step()
    total = time.perf_counter() - start
    engine._choose = original
    print(
        f"  a step takes {total * 50:.2f} ms, of which the host works {(total - spent[0]) * 50:.2f} ms",
        flush=True,
    )
    while engine.has_work:
        engine.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--n", type=int, nargs="*", default=[1, 8, 25, 64, 128, 256])
    parser.add_argument("--kinds", nargs="*", default=["base", "all16", "qv8"])
    parser.add_argument("--prompt", type=int, default=256)
    parser.add_argument("--new", type=int, default=128)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--steps", action="store_true", help="tell the longest steps of a run")
    parser.add_argument("--profile", type=int, nargs="*", default=[])
    arguments = parser.parse_args()
    repeats = 1 if arguments.quick else 3
    model = mistral_7b(arguments.layers)
    bandwidth = copy_bandwidth()
    print(
        json.dumps({"device": torch.cuda.get_device_name(), "copy_tb_s": round(bandwidth / 1e12, 2)}),
        flush=True,
    )
    base: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as directory:
        for name in arguments.kinds:
            kind = KINDS.get(name)
            started = time.perf_counter()
            with engine_with(kind, Path(directory), ADAPTERS, model) as engine:
                seconds(engine, 1, 32, 4, kind is not None)
                print(
                    json.dumps({"kind": name, "start_s": round(time.perf_counter() - started, 1)}), flush=True
                )
                for n in arguments.n:
                    lora = kind is not None
                    seconds(
                        engine, n, arguments.prompt, 40, lora
                    )  # captures the graphs of all numbers of rows
                    prefill = min(seconds(engine, n, arguments.prompt, 1, lora) for _ in range(repeats))
                    whole = min(
                        seconds(engine, n, arguments.prompt, arguments.new, lora) for _ in range(repeats)
                    )
                    tpot = (whole - prefill) / (arguments.new - 1) * 1000
                    if kind is None:
                        base[n] = tpot
                    floor = floor_ms(model, n, arguments.prompt + arguments.new / 2, kind, bandwidth)
                    row = {
                        "adapters": 0 if kind is None else min(n, ADAPTERS),
                        "kind": name,
                        "rank": None if kind is None else sum(kind.ranks) / len(kind.ranks),
                        "targets": 0 if kind is None else len(kind.targets),
                        "n": n,
                        "prompt": arguments.prompt,
                        "new_tokens": arguments.new,
                        "tpot_ms": round(tpot, 3),
                        "prefill_ms": round(prefill * 1000, 1),
                        "output_tok_s": round(n * arguments.new / whole),
                        "tax": round(tpot / base[n], 3) if n in base else None,
                        "floor_ms": round(floor, 2),
                        "share_of_floor": round(floor / tpot, 2),
                    }
                    print(json.dumps(row), flush=True)
                    if arguments.steps:
                        told = slow_steps(engine, n, arguments.prompt, arguments.new, lora)
                        print(f"  {json.dumps(told)}", flush=True)
                    if n in arguments.profile:
                        profile(engine, n, arguments.prompt, lora)


if __name__ == "__main__":
    main()
