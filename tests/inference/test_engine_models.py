"""The engine with a real model: an answer depends on its request alone, and is what transformers says."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from inference import Engine, EngineConfig, GenerationRequest, InProcessClient, SamplingParams
from inference.request import Done, Tokens
from inference.tokenization import Tokenizer
from tests.inference.oracle import Oracle, make_adapter, make_base, mistral
from tests.inference.small_tokenizers import SENTENCES, byte_level, save

PROMPTS = [SENTENCES[0], "The dog", SENTENCES[3], "This movie is", "Größe", SENTENCES[1][:40]]
NAMES = [None, "small", "large", None, "small", "large"]


@pytest.fixture(scope="module")
def oracle(tmp_path_factory) -> Oracle:
    tokenizer = byte_level()
    base = make_base(tmp_path_factory.mktemp("base"), mistral(vocab_size=tokenizer.get_vocab_size()))
    save(tokenizer, base)
    adapters = {
        "small": make_adapter(
            base, tmp_path_factory.mktemp("small"), r=2, target_modules=["q_proj", "v_proj"]
        ),
        "large": make_adapter(base, tmp_path_factory.mktemp("large"), r=16, seed=2),
    }
    return Oracle(base, adapters)


def make_engine(oracle: Oracle, **config) -> Engine:
    engine = Engine(EngineConfig(model=oracle.base, **config))
    for name, path in oracle.adapters.items():
        engine.load_adapter(name, path)
    return engine


@pytest.fixture(scope="module")
def engine(oracle) -> Engine:
    return make_engine(oracle)


def requests(**sampling) -> list[GenerationRequest]:
    sampling = {"max_tokens": 12, "ignore_eos": True, **sampling}
    return [
        GenerationRequest(prompt, adapter=name, sampling=SamplingParams(**sampling))
        for prompt, name in zip(PROMPTS, NAMES, strict=True)
    ]


def token_ids(engine: Engine, batch: list[GenerationRequest]) -> list[tuple[int, ...]]:
    return [output.token_ids for output in engine.generate(batch)]


def one_by_one(engine: Engine, batch: list[GenerationRequest]) -> list[tuple[int, ...]]:
    return [ids for request in batch for ids in token_ids(engine, [request])]


def test_greedy_text_is_transformers_and_pefts_in_a_mixed_batch(engine, oracle):
    for output in engine.generate(requests(temperature=0)):
        expected = oracle.greedy(output.adapter, list(output.prompt_token_ids), 12)
        assert list(output.token_ids) == expected
        assert output.text == engine.tokenizer.decode(expected)


SAMPLED = {"temperature": 1.0, "seed": 1234, "top_p": 0.95}


@pytest.mark.parametrize("sampling", [{"temperature": 0}, SAMPLED], ids=["greedy", "sampled"])
def test_a_batch_mate_never_changes_an_answer(engine, sampling):
    assert token_ids(engine, requests(**sampling)) == one_by_one(engine, requests(**sampling))


@pytest.mark.parametrize("sampling", [{"temperature": 0}, SAMPLED], ids=["greedy", "sampled"])
@pytest.mark.parametrize(
    "cramped",
    [
        {"max_batched_tokens": 5},
        {"block_size": 2, "max_model_len": 96, "kv_cache_tokens": 96},
        {"adapter_slots": 1},
        {"max_num_seqs": 1},
    ],
    ids=["chunked prefill", "preemption", "evict and reload", "one row"],
)
def test_neither_chunks_nor_preemption_nor_eviction_change_an_answer(engine, oracle, cramped, sampling):
    sampling = {**sampling, "max_tokens": 24}
    tight = make_engine(oracle, **cramped)
    assert token_ids(tight, requests(**sampling)) == one_by_one(engine, requests(**sampling))
    assert tight.blocks.num_used == 0
    if "kv_cache_tokens" in cramped:
        assert tight.stats().preemptions > 0


def test_another_seed_says_something_else_and_no_seed_something_new_each_time(engine):
    (request, *_) = requests(**SAMPLED)
    (other, *_) = requests(**{**SAMPLED, "seed": 4321})
    assert token_ids(engine, [request]) != token_ids(engine, [other])
    unseeded = [requests(**{**SAMPLED, "seed": None})[0] for _ in range(4)]
    assert len(set(token_ids(engine, unseeded))) > 1


def test_logprobs_are_those_of_transformers(engine, oracle):
    for output in engine.generate(requests(**SAMPLED, logprobs=3)):
        prompt = list(output.prompt_token_ids)
        logits = oracle.logits(output.adapter, prompt + list(output.token_ids))
        expected = logits[len(prompt) - 1 : -1].log_softmax(dim=-1)
        for position, entry in enumerate(output.logprobs):
            assert entry.logprob == pytest.approx(float(expected[position, entry.token_id]), abs=1e-3)
            best = expected[position].topk(3).values
            assert torch.allclose(torch.tensor([p for _, _, p in entry.top]), best, atol=1e-3)


def test_a_stop_string_cuts_the_text_wherever_the_tokens_end(engine):
    whole = engine.generate(requests(temperature=0, max_tokens=30))
    for request, full in zip(requests(temperature=0, max_tokens=30), whole, strict=True):
        middle = len(full.text) // 2
        stop = full.text[middle : middle + 3]
        (output,) = engine.generate(
            [
                GenerationRequest(
                    request.prompt,
                    adapter=request.adapter,
                    sampling=SamplingParams(temperature=0, max_tokens=30, ignore_eos=True, stop=(stop,)),
                )
            ]
        )
        assert output.text == full.text[: full.text.index(stop)]
        assert output.finish_reason == "stop"
        assert output.token_ids == full.token_ids[: len(output.token_ids)]


def test_streamed_text_is_the_decoded_whole_in_every_run_of_a_batch(engine):
    logs: list[list] = [[] for _ in PROMPTS]
    batch = requests(**{**SAMPLED, "temperature": 2.0, "max_tokens": 60})
    answers = [engine.add_request(r, log.append) for r, log in zip(batch, logs, strict=True)]
    while engine.has_work:
        engine.step()
    for answer, log in zip(answers, logs, strict=True):
        streamed = "".join(event.text for event in log if isinstance(event, Tokens))
        assert streamed == answer.output.text == engine.tokenizer.decode(answer.output.token_ids)


def test_a_checkpoint_without_a_tokenizer_is_refused_with_the_remedy(tmp_path):
    base = make_base(tmp_path, mistral())
    with pytest.raises(RuntimeError, match=r"tokenizer\.json"):
        Engine(EngineConfig(model=Path(base)))


async def test_the_client_serves_a_real_model_with_adapters_from_disk(oracle):
    async with InProcessClient(EngineConfig(model=oracle.base)) as client:
        for name, path in oracle.adapters.items():
            info = await client.load_adapter(name, path)
            assert info.state == "loaded"
        tokenizer = Tokenizer.load(oracle.base)
        batch = requests(temperature=0)
        for request in batch:
            await client.submit(request)
        for request in batch:
            events = [event async for event in client.events(request.request_id)]
            tokens = [i for event in events if isinstance(event, Tokens) for i in event.token_ids]
            prompt = list(tokenizer.encode(request.prompt))
            assert tokens == oracle.greedy(request.adapter, prompt, 12)
            assert isinstance(events[-1], Done)
            assert events[-1].usage.prompt_tokens == len(prompt)
