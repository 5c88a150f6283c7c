"""Output tokens per second on this CPU: our engine against transformers + PEFT's mixed-batch inference.

Both answer the same prompts greedily with the same adapters on the same base in float32, prompt reading
included, one after the other in every repeat, so that a busy machine slows both. PEFT gets the batch as
its documentation says: left-padded, `generate(..., adapter_names=[...])`, and one CPU thread or torch's
default, whichever it is faster with; the engine runs as it sets itself up.

    python -m benchmarks.cpu_multilora            # the demo world: its base and four of its adapters
    python -m benchmarks.cpu_multilora --random   # a random base of the same size, and four random adapters
    python -m benchmarks.cpu_multilora --quick    # fewer tokens and repeats

Prints a table and one line of JSON.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, MistralConfig, PreTrainedTokenizerFast

from inference import Engine, EngineConfig, GenerationRequest, SamplingParams

ROOT = Path(__file__).resolve().parent.parent
NUM_ADAPTERS = 4
CONCURRENT = 8


@dataclass(frozen=True)
class Setting:
    """What is served: a base, adapters by name, and prompts, each for one of them."""

    label: str
    base: Path
    adapters: dict[str, Path]
    prompts: list[tuple[str, list[int]]]  # adapter, token ids


def demo_setting(world_directory: Path) -> Setting:
    from training.tasks import load_tasks

    world = json.loads((world_directory / "world.json").read_text())
    base = world_directory / world["base"]["path"]
    chosen = dict(list(world["adapters"].items())[:NUM_ADAPTERS])
    if len(chosen) < NUM_ADAPTERS:
        raise SystemExit(f"{world_directory} has only {len(chosen)} adapters; {NUM_ADAPTERS} are needed.")
    tokenizer, tasks = AutoTokenizer.from_pretrained(base), load_tasks()
    prompts = []
    for turn in range(CONCURRENT // NUM_ADAPTERS):
        for name, entry in chosen.items():
            example = entry["examples"][turn % len(entry["examples"])]
            prompts.append((name, tokenizer(tasks[name].render(example["variables"]))["input_ids"]))
    adapters = {name: world_directory / entry["path"] for name, entry in chosen.items()}
    return Setting(f"{world['base']['name']}, adapters {', '.join(chosen)}", base, adapters, prompts)


def random_setting(directory: Path) -> Setting:
    """A base of about 5 million parameters, adapters of ranks 4 to 32 on all linear layers."""
    torch.manual_seed(0)
    config = MistralConfig(
        vocab_size=4096,
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=1024,
        sliding_window=None,
        tie_word_embeddings=True,
        initializer_range=0.1,
    )
    base = directory / "base"
    AutoModelForCausalLM.from_config(config).save_pretrained(base)
    letters = pre_tokenizers.ByteLevel.alphabet()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    corpus = (path.read_text() for path in sorted(ROOT.glob("inference/**/*.py")))
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=4096, initial_alphabet=letters))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(base)
    adapters = {}
    for rank in (4, 8, 16, 32):
        lora = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(AutoModelForCausalLM.from_pretrained(base), lora)
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.02)
        adapters[f"rank-{rank}"] = directory / f"rank-{rank}"
        model.save_pretrained(adapters[f"rank-{rank}"])
    prompts = [
        (name, torch.randint(3, tokenizer.get_vocab_size(), (48 + 8 * turn,)).tolist())
        for turn, name in enumerate(list(adapters) * (CONCURRENT // NUM_ADAPTERS))
    ]
    return Setting("random base and adapters of ranks 4, 8, 16, 32", base, adapters, prompts)


DEFAULT_THREADS = torch.get_num_threads()


def fastest_threads(answer: Callable[..., list[list[int]]], setting: Setting, tokens: int) -> int:
    """One thread or torch's default, whichever answers the whole batch sooner."""
    seconds = {}
    for _ in range(3):
        for threads in (1, DEFAULT_THREADS):
            torch.set_num_threads(threads)
            start = time.perf_counter()
            answer(setting.prompts, tokens)
            seconds[threads] = min(time.perf_counter() - start, seconds.get(threads, float("inf")))
    return min(seconds, key=seconds.get)


class Ours:
    def __init__(self, setting: Setting, tokens: int):
        self.engine = Engine(EngineConfig(model=setting.base, device="cpu", dtype="float32"))
        for name, path in setting.adapters.items():
            self.engine.load_adapter(name, path)

    def answer(self, prompts: list[tuple[str, list[int]]], tokens: int) -> list[list[int]]:
        # Prompts of one call may share what they begin with, but nothing is left of an earlier call.
        self.engine.forget_prefixes()
        sampling = SamplingParams(max_tokens=tokens, temperature=0, ignore_eos=True)
        outputs = self.engine.generate(
            GenerationRequest(prompt_token_ids=tuple(token_ids), adapter=name, sampling=sampling)
            for name, token_ids in prompts
        )
        return [list(output.token_ids) for output in outputs]


class Peft:
    def __init__(self, setting: Setting, tokens: int):
        model = AutoModelForCausalLM.from_pretrained(setting.base, dtype=torch.float32)
        (first, path), *others = setting.adapters.items()
        self.model = PeftModel.from_pretrained(model, path, adapter_name=first)
        for name, path in others:
            self.model.load_adapter(path, adapter_name=name)
        self.model.eval()
        self.threads = fastest_threads(self.answer, setting, tokens)

    @torch.inference_mode()
    def answer(
        self, prompts: list[tuple[str, list[int]]], tokens: int, mixed: bool = True
    ) -> list[list[int]]:
        """`mixed` False is PEFT's faster way for one adapter: activate it and pass no `adapter_names`."""
        longest = max(len(token_ids) for _, token_ids in prompts)
        names = {"adapter_names": [name for name, _ in prompts]} if mixed else {}
        if not mixed:
            self.model.set_adapter(prompts[0][0])
        output = self.model.generate(
            input_ids=torch.tensor([[0] * (longest - len(ids)) + ids for _, ids in prompts]),
            attention_mask=torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for _, ids in prompts]),
            max_new_tokens=tokens,
            do_sample=False,
            eos_token_id=None,
            pad_token_id=0,
            **names,
        )
        return output[:, longest:].tolist()


@dataclass(frozen=True)
class Row:
    """One comparison; tokens per second are medians of the repeats, with their lowest and highest."""

    requests: int
    baseline: str
    ours: list[float]
    theirs: list[float]
    same_answers: int

    @property
    def ratio(self) -> float:
        """Median of the repeats' ratios: each repeat runs both within a moment, busy or not."""
        return statistics.median(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))


def compare(
    setting: Setting, ours: Ours, theirs: Peft, requests: int, tokens: int, repeats: int, mixed: bool
) -> Row:
    prompts = setting.prompts[:requests]

    def timed(answer: Callable[[], list[list[int]]], threads: int | None) -> tuple[list[list[int]], float]:
        if threads is not None:
            torch.set_num_threads(threads)
        start = time.perf_counter()
        answers = answer()
        return answers, sum(map(len, answers)) / (time.perf_counter() - start)

    def run_ours() -> list[list[int]]:
        return ours.answer(prompts, tokens)

    def run_theirs() -> list[list[int]]:
        return theirs.answer(prompts, tokens, mixed)

    timed(run_ours, None), timed(run_theirs, theirs.threads)  # warm up
    speeds: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        our_answers, our_speed = timed(run_ours, None)
        their_answers, their_speed = timed(run_theirs, theirs.threads)
        speeds[0].append(our_speed)
        speeds[1].append(their_speed)
    same = sum(a == b for a, b in zip(our_answers, their_answers, strict=True))
    return Row(requests, "adapter_names" if mixed else "set_adapter", *speeds, same)


def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(": ")[2] for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def report(setting: Setting, rows: list[Row], tokens: int, peft_threads: int) -> None:
    print(f"\n{setting.label}; {tokens} tokens each, greedy, float32")
    print(f"{cpu_name()}, {os.cpu_count()} cores; threads: ours as it chooses, PEFT {peft_threads}\n")
    print(f"requests  PEFT called by   {'ours, tokens/s':28s}  {'PEFT, tokens/s':28s}  ratio  same text")
    for row in rows:
        ours, theirs = (
            f"{statistics.median(speeds):8.0f} ({min(speeds):.0f}–{max(speeds):.0f})"
            for speeds in (row.ours, row.theirs)
        )
        print(
            f"{row.requests:8d}  {row.baseline:15s}  {ours:28s}  {theirs:28s}  {row.ratio:5.2f}"
            f"  {row.same_answers} of {row.requests}"
        )
    print()
    print(
        json.dumps(
            {
                "benchmark": "cpu_multilora",
                "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "cpu": cpu_name(),
                "cores": os.cpu_count(),
                "peft_threads": peft_threads,
                "python": platform.python_version(),
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                "peft": peft.__version__,
                "setting": setting.label,
                "tokens": tokens,
                "rows": [
                    {
                        "requests": row.requests,
                        "baseline": row.baseline,
                        "ours": [round(speed, 1) for speed in row.ours],
                        "peft": [round(speed, 1) for speed in row.theirs],
                        "ratio": round(row.ratio, 3),
                        "same_answers": row.same_answers,
                    }
                    for row in rows
                ],
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--random", action="store_true", help="a random base instead of the demo world")
    parser.add_argument("--quick", action="store_true", help="48 tokens and 3 repeats instead of 96 and 7")
    parser.add_argument("--world", type=Path, default=ROOT / "demo", help="directory of world.json")
    arguments = parser.parse_args()
    tokens, repeats = (48, 3) if arguments.quick else (96, 7)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as directory:
        if arguments.random:
            setting = random_setting(Path(directory))
        elif (arguments.world / "world.json").is_file():
            setting = demo_setting(arguments.world)
        else:
            raise SystemExit(f"There is no world.json in {arguments.world}; use --world or --random.")
        ours, theirs = Ours(setting, tokens), Peft(setting, tokens)
        rows = [
            compare(setting, ours, theirs, requests, tokens, repeats, mixed)
            for requests, mixed in ((CONCURRENT, True), (1, True), (1, False))
        ]
    report(setting, rows, tokens, theirs.threads)


if __name__ == "__main__":
    main()
