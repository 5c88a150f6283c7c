"""The fused kernels, interpreted on the CPU, say what the plain ones say."""

from __future__ import annotations

import pytest
import torch

triton = pytest.importorskip("triton")

import inference.gpu.model as gpu_model  # noqa: E402
import inference.gpu.runner as gpu_runner  # noqa: E402
from inference.config import EngineConfig  # noqa: E402
from inference.engine import Engine  # noqa: E402
from inference.gpu.adapters import AdapterPool, pack_for_device  # noqa: E402
from inference.gpu.runner import GpuRunner  # noqa: E402
from inference.kernels.layout import Site  # noqa: E402
from inference.lora.adapter import read_adapter  # noqa: E402
from inference.model_runner import ModelRunner  # noqa: E402
from inference.models.config import read_config  # noqa: E402
from inference.request import GenerationRequest, SamplingParams  # noqa: E402
from inference.tokenization import Tokenizer  # noqa: E402
from tests.inference.oracle import llama, make_adapter, make_base, mistral  # noqa: E402
from tests.inference.small_tokenizers import byte_level, for_transformers  # noqa: E402

pytestmark = pytest.mark.skipif(
    torch.cuda.is_available(), reason="the kernels run compiled here: tests/gpu covers them"
)

TOKENIZER = Tokenizer(for_transformers(byte_level()))
SHAPE = {
    "hidden_size": 64,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
    "intermediate_size": 72,
}
ADAPTERS = {
    "all": {"r": 4},
    "rank 20": {"r": 20, "target_modules": ["q_proj", "v_proj"]},
    "patterns": {
        "r": 8,
        "target_modules": ["down_proj", "k_proj"],
        "rank_pattern": {"k_proj": 3},
        "use_rslora": True,
    },
    "one layer": {"r": 5, "layers_to_transform": [1], "target_modules": ["o_proj", "up_proj"]},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    directory = tmp_path_factory.mktemp("fused")
    base = make_base(directory / "base", mistral(**SHAPE))
    adapters = {
        name: make_adapter(base, directory / name, seed=seed, **config)
        for seed, (name, config) in enumerate(ADAPTERS.items())
    }
    return base, adapters


def answers(runner_class, base, adapters, requests, **changes) -> list[tuple[int, ...]]:
    config = EngineConfig(
        model=base,
        device="cpu",
        dtype="float32",
        block_size=4,
        kv_cache_tokens=512,
        max_num_seqs=8,
        adapter_slots=len(ADAPTERS),
        **changes,
    )
    with Engine(config, runner=runner_class(config), tokenizer=TOKENIZER) as engine:
        for name, path in adapters.items():
            engine.load_adapter(name, path)
        outputs = engine.generate(requests)
    assert [output.error for output in outputs] == [None] * len(requests)
    return [output.token_ids for output in outputs]


def requests() -> list[GenerationRequest]:
    """Prompts of several lengths for every adapter and the base; one row samples, one wants
    log-probabilities.
    """
    made = []
    for j, adapter in enumerate([None, *ADAPTERS, None, "all"]):
        sampling = SamplingParams(
            max_tokens=3 + j % 2,
            temperature=0.9 if j == 4 else 0,
            seed=3,
            ignore_eos=True,
            logprobs=2 if j == 2 else None,
        )
        ids = (1, *((7 * i * (j + 1)) % 97 + 3 for i in range(4 + 5 * j)))
        made.append(GenerationRequest(prompt_token_ids=ids, adapter=adapter, sampling=sampling))
    return made


def test_a_mixed_batch(world):
    assert answers(GpuRunner, *world, requests()) == answers(ModelRunner, *world, requests())


def test_prompts_in_chunks_beside_decoding_rows(world):
    few = requests()[2:6]
    told = answers(GpuRunner, *world, few, max_batched_tokens=9)
    assert told == answers(ModelRunner, *world, few, max_batched_tokens=9)


def test_biases_tied_embedding_and_a_sliding_window(tmp_path):
    for number, config in enumerate(
        (
            llama(**SHAPE, attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
            mistral(**SHAPE, sliding_window=6),
        )
    ):
        base = make_base(tmp_path / f"base{number}", config)
        adapters = {"all": make_adapter(base, tmp_path / f"adapter{number}", r=3)}
        few = [requests()[i] for i in (0, 1)]
        assert answers(GpuRunner, base, adapters, few) == answers(ModelRunner, base, adapters, few)


def test_every_token_takes_one_step_and_the_last_one_a_moment_more(world):
    base, _ = world
    config = EngineConfig(model=base, device="cpu", dtype="float32", block_size=4, kv_cache_tokens=64)
    with Engine(config, runner=GpuRunner(config), tokenizer=TOKENIZER) as engine:
        sampling = SamplingParams(max_tokens=5, temperature=0, ignore_eos=True)
        answer = engine.add_request(GenerationRequest(prompt_token_ids=(1, 5, 9), sampling=sampling))
        known = []
        while engine.has_work:
            engine.step()
            known.append(len(answer.sequence.output_token_ids))
    assert known == [0, 1, 2, 3, 4, 5]


class SpareRows:
    """Weights without a base: only the room for adapters."""

    def __init__(self, runner: GpuRunner):
        self.layers = runner.model.weights.layers
        self.pool_ranks = runner.model.weights.pool_ranks


def test_the_pool_places_adapters_in_gaps_and_knows_how_far_it_is_used(world):
    base, adapters = world
    config = EngineConfig(model=base, device="cpu", dtype="float32", kv_cache_tokens=64, lora_ranks=40)
    runner = GpuRunner(config)
    model = read_config(base)
    pool = AdapterPool(SpareRows(runner), torch.device("cpu"))
    read = {
        name: read_adapter(path, model, torch.float32, torch.device("cpu"), pack_for_device).weights
        for name, path in adapters.items()
    }
    first, second = pool.place(read["all"]), pool.place(read["rank 20"])
    assert (first.first, second.first, second.stop) == (0, 4, 24)
    assert pool.in_use(Site.QKV) == 24
    assert pool.in_use(Site.DOWN) == 4
    assert not pool.has_room_for(20)
    pool.free(first)
    assert pool.place(read["patterns"]).first == 24, "eight ranks do not fit before the second adapter"
    assert pool.place(read["all"]).first == 0
    with pytest.raises(ValueError, match="neighbouring free ranks"):
        pool.place(read["rank 20"])


def test_rows_of_one_adapter_share_its_factors_when_there_are_many(world, monkeypatch):
    monkeypatch.setattr(gpu_runner, "_GROUPED_FROM", 2)
    few = [requests()[i] for i in (0, 1, 6)]
    assert answers(GpuRunner, *world, few) == answers(ModelRunner, *world, few)


def test_a_single_row_streams_the_weights_and_its_own_adapters_factors(world, monkeypatch):
    """Without the dependent launch, which cannot be interpreted."""
    base, adapters = world
    streamed = {(128, 64): 0, (64, 64): 0}
    shape = gpu_model.StreamShape(columns=16, block=32, warps=1, stages=1)
    monkeypatch.setattr(gpu_model, "STREAMS", dict.fromkeys(streamed, shape))
    monkeypatch.setattr(gpu_model, "_lead", lambda tiles: {"PDL": False})
    stream = gpu_model.FusedModel._stream

    def counted(self, x, site, tiles):
        streamed[site.out_features, x.shape[1]] += 1
        return stream(self, x, site, tiles)

    monkeypatch.setattr(gpu_model.FusedModel, "_stream", counted)
    for request in [requests()[i] for i in (0, 2)]:
        told = answers(LeadingRunner, base, adapters, [request])
        assert told == answers(ModelRunner, base, adapters, [request])
    assert all(streamed.values())


class LeadingRunner(GpuRunner):
    """Decodes single rows as a device does whose kernels may start early."""

    def __init__(self, config: EngineConfig):
        super().__init__(config)
        self._leads = True


def test_tables_that_never_arrived_are_sent_again(world, monkeypatch):
    send, failed = GpuRunner._send_tables, []

    def out_of_memory_once(self, sequences):
        if self._changed[0] and len(sequences) > 1 and not failed:
            failed.append(True)
            raise RuntimeError("out of memory")
        send(self, sequences)

    monkeypatch.setattr(GpuRunner, "_send_tables", out_of_memory_once)
    few = [requests()[i] for i in (0, 1)]
    assert answers(GpuRunner, *world, few) == answers(ModelRunner, *world, few)
    assert failed


def test_a_piece_of_a_prompt_that_is_one_token_long(world):
    few = [requests()[i] for i in (0, 1)]
    told = answers(GpuRunner, *world, few, max_batched_tokens=2)
    assert told == answers(ModelRunner, *world, few, max_batched_tokens=2)
