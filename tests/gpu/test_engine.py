"""The engine on a CUDA device says what it says on the CPU, and what PEFT says, whatever shares the batch."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path

import pytest
import torch

from inference import Engine, EngineConfig, GenerationRequest, SamplingParams
from inference.gpu.runner import GpuRunner
from tests.inference.oracle import Oracle, make_adapter, make_base, mistral

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

DEMO = Path(__file__).parents[2] / "demo"
ADAPTERS = {
    **{f"rank {rank}": {"r": rank} for rank in (1, 3, 8, 16, 33, 64)},
    "queries and values": {"r": 8, "target_modules": ["q_proj", "v_proj"]},
    "outputs": {"r": 5, "target_modules": ["o_proj", "down_proj"]},
    "rslora": {"r": 6, "lora_alpha": 5, "use_rslora": True},
    "one layer": {"target_modules": ["q_proj", "gate_proj"], "layers_to_transform": 1},
    "rank pattern": {"rank_pattern": {"q_proj": 2, "down_proj": 17}, "alpha_pattern": {"v_proj": 3}},
}


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    """A random model whose layers have Mistral-7B's proportions at a quarter of its width."""
    directory = tmp_path_factory.mktemp("models")
    shape = {
        "vocab_size": 2048,
        "hidden_size": 1024,
        "intermediate_size": 3584,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "head_dim": 128,
        "num_hidden_layers": 3,
        "max_position_embeddings": 512,
        "initializer_range": 0.03,
    }
    base = make_base(directory / "base", mistral(**shape))
    adapters = {
        name: make_adapter(base, directory / name, seed=i, std=0.03, **config)
        for i, (name, config) in enumerate(ADAPTERS.items())
    }
    (directory / "base" / "tokenizer.json").write_bytes((DEMO / "base" / "tokenizer.json").read_bytes())
    config = json.loads((DEMO / "base" / "tokenizer_config.json").read_text())
    (directory / "base" / "tokenizer_config.json").write_text(json.dumps(config))
    return Oracle(base, adapters)


def engine_for(oracle: Oracle, **changes) -> Engine:
    config = EngineConfig(
        model=oracle.base, device="cuda", dtype="float32", kv_cache_tokens=16384, adapter_slots=len(ADAPTERS),
        lora_ranks=256,
    )  # fmt: skip
    engine = Engine(dataclasses.replace(config, **changes))
    assert isinstance(engine.runner, GpuRunner)
    for name, path in oracle.adapters.items():
        engine.load_adapter(name, path)
    return engine


def asked(adapter: str | None, length: int, tokens: int = 24, seed: int = 0, **sampling) -> GenerationRequest:
    ids = tuple(random.Random(f"{seed}/{length}").choices(range(3, 2048), k=length))
    params = {"temperature": 0, "ignore_eos": True, **sampling}
    return GenerationRequest(
        prompt_token_ids=ids, adapter=adapter, sampling=SamplingParams(max_tokens=tokens, **params)
    )


def mixed(number: int) -> list[GenerationRequest]:
    names = [None, *ADAPTERS]
    return [asked(names[i % len(names)], 5 + 13 * i % 90, seed=i) for i in range(number)]


def test_greedy_text_equals_peft_in_float32(oracle):
    with engine_for(oracle) as engine:
        for request, output in zip(mixed(26), engine.generate(mixed(26)), strict=True):
            expected = oracle.greedy(request.adapter, list(request.prompt_token_ids), 24)
            assert list(output.token_ids) == expected, request.adapter


@pytest.mark.parametrize("number", [1, 7, 33, 140])
def test_a_request_says_the_same_alone_and_in_a_full_batch(oracle, number):
    with engine_for(oracle, max_num_seqs=160, prefix_cache=False, kv_cache_tokens=65536) as engine:
        requests = mixed(number)
        together = [output.token_ids for output in engine.generate(requests)]
        for request, expected in list(zip(mixed(number), together, strict=True))[:: max(1, number // 12)]:
            (alone,) = engine.generate([request])
            assert alone.token_ids == expected


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_first_logits_are_close_to_peft(oracle, dtype):
    """The log-probabilities of the likeliest tokens, prompt by prompt in one batch, and after a step of
    decoding.
    """
    bound = 0.08 if dtype == "bfloat16" else 2e-3
    with engine_for(oracle, dtype=dtype) as engine:
        requests = [asked(name, 40 + i, tokens=2, logprobs=5) for i, name in enumerate([None, *ADAPTERS])]
        for request, output in zip(requests, engine.generate(requests), strict=True):
            ids = list(request.prompt_token_ids)
            for position, said in enumerate(output.logprobs):
                exact = oracle.logits(request.adapter, ids + list(output.token_ids[:position]))[
                    -1
                ].log_softmax(0)
                for token_id, _, logprob in said.top:
                    assert abs(exact[token_id].item() - logprob) < bound, (request.adapter, position)


def test_the_demo_says_the_same_as_on_the_cpu():
    world = json.loads((DEMO / "world.json").read_text())
    from training.tasks import load_tasks

    tasks = load_tasks()
    answers = []
    for device in ("cpu", "cuda"):
        with Engine(EngineConfig(model=DEMO / "base", device=device, dtype="float32")) as engine:
            requests = []
            for name, entry in world["adapters"].items():
                engine.load_adapter(name, DEMO / entry["path"])
                for example in entry["examples"]:
                    for adapter in (name, None):
                        requests.append(
                            GenerationRequest(
                                prompt=tasks[name].render(example["variables"]),
                                adapter=adapter,
                                sampling=SamplingParams(max_tokens=48, temperature=0),
                            )
                        )
            answers.append([output.text for output in engine.generate(requests)])
    same = sum(a == b for a, b in zip(*answers, strict=True))
    assert same >= 0.95 * len(answers[0]), f"{same} of {len(answers[0])}"


def test_evicted_and_reloaded_adapters_answer_as_before(oracle):
    with engine_for(oracle, adapter_slots=2, lora_ranks=80, max_num_seqs=8) as engine:
        first = [output.token_ids for output in engine.generate(mixed(24))]
        assert [output.token_ids for output in engine.generate(mixed(24))] == first
    with engine_for(oracle) as engine:
        assert [output.token_ids for output in engine.generate(mixed(24))] == first


def test_sampled_rows_and_penalties_agree_with_the_cpu(oracle):
    texts = []
    for device in ("cpu", "cuda"):
        config = EngineConfig(model=oracle.base, device=device, dtype="float32")
        with Engine(config) as engine:
            for name in ("rank 8", "outputs"):
                engine.load_adapter(name, oracle.adapters[name])
            requests = [
                asked("rank 8", 20, seed=1, temperature=0.7, top_p=0.9),
                asked(None, 30, seed=2, repetition_penalty=1.3),
                asked("outputs", 25, seed=3, temperature=1.0, top_k=5),
                asked("rank 8", 22, seed=4),
            ]
            requests = [
                dataclasses.replace(r, sampling=dataclasses.replace(r.sampling, seed=11)) for r in requests
            ]
            texts.append([output.token_ids for output in engine.generate(requests)])
    assert texts[0] == texts[1]
