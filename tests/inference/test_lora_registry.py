"""Names, slots, eviction, pins and errors of the adapter registry."""

from __future__ import annotations

import shutil
import threading

import pytest
import torch
from safetensors.torch import load_file, save_file

from inference.lora.registry import AdapterRegistry
from inference.models.config import read_config
from inference.request import RequestError
from tests.inference.oracle import make_adapter, make_base, mistral


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    base = make_base(tmp_path_factory.mktemp("base"), mistral(num_hidden_layers=1))
    return base, read_config(base)


@pytest.fixture(scope="module")
def files(model, tmp_path_factory):
    directory = tmp_path_factory.mktemp("adapters")
    return {
        name: make_adapter(model[0], directory / name, seed=seed, r=2, target_modules=["q_proj"])
        for seed, name in enumerate("abcd")
    }


@pytest.fixture
def make_registry(model, files):
    def make(slots, names="abcd"):
        registry = AdapterRegistry(model[1], torch.float32, torch.device("cpu"), slots)
        for name in names:
            registry.load(name, files[name])
        return registry

    return make


def states(registry):
    return {info.name: info.state for info in registry.infos()}


def raises(code, pattern=""):
    return pytest.raises(RequestError, match=pattern, check=lambda error: error.code == code)


def test_info(make_registry, files):
    registry = make_registry(4, "a")
    info = registry.info("a")
    assert (info.name, info.state, info.rank, info.targets) == ("a", "loaded", 2, ("q_proj",))
    assert info.size_bytes >= 2 * (48 + 48) * 4
    assert len(info.content_hash) == 64
    assert (info.running, info.pinned, info.error) == (0, False, "")
    assert registry.load("again", files["a"]).content_hash == info.content_hash
    assert registry.load("other", files["b"]).content_hash != info.content_hash


def test_unknown_names(make_registry):
    registry = make_registry(1, "")
    for call in (registry.acquire, registry.unload, registry.pin, registry.info):
        with raises("unknown_adapter", "no adapter named 'x'"):
            call("x")


@pytest.mark.parametrize("name", ["", "x" * 201, "line\nbreak", "nul\0"])
def test_odd_names(make_registry, files, name):
    with raises("adapter_invalid", "name must be"):
        make_registry(1, "").load(name, files["a"])


def test_no_slots_at_all(make_registry):
    with pytest.raises(ValueError, match="adapter_slots must be at least 1, not 0"):
        make_registry(0)


def test_least_recently_used_is_evicted(make_registry):
    registry = make_registry(3)
    assert states(registry) == {"a": "registered", "b": "loaded", "c": "loaded", "d": "loaded"}
    registry.release(registry.acquire("b"))
    registry.release(registry.acquire("a"))
    assert states(registry) == {"a": "loaded", "b": "loaded", "c": "registered", "d": "loaded"}
    assert registry.num_loaded == 3


def test_running_adapters_are_not_evicted(make_registry):
    registry = make_registry(2)
    held = [registry.acquire(name) for name in "ab"]
    assert registry.acquire("c") is None
    assert registry.acquire("a") is held[0], "an adapter in memory takes any number of sequences"
    registry.release(held[0])
    assert registry.acquire("c") is None
    registry.release(held[0])
    assert registry.acquire("c").name == "c"
    assert states(registry) == {"a": "registered", "b": "loaded", "c": "loaded", "d": "registered"}


def test_reference_counts(make_registry):
    registry = make_registry(4, "a")
    first, second = registry.acquire("a"), registry.acquire("a")
    assert first is second
    assert registry.info("a").running == 2
    with raises("adapter_in_use", "2 requests are running with it"):
        registry.unload("a")
    registry.release(first)
    registry.release(second)
    with pytest.raises(RuntimeError, match="released more often"):
        registry.release(first)
    registry.unload("a")
    assert "a" not in registry
    assert registry.num_loaded == 0


def test_loading_without_room_only_registers(make_registry, files):
    registry = make_registry(1, "a")
    held = registry.acquire("a")
    assert registry.load("b", files["b"]).state == "registered"
    assert registry.acquire("b") is None
    registry.release(held)
    assert registry.acquire("b").name == "b"


def test_pinned_adapters_stay(make_registry):
    registry = make_registry(2)
    assert registry.pin("a").state == "loaded"
    for name in "bcd":
        registry.release(registry.acquire(name))
    assert states(registry)["a"] == "loaded"
    with raises("invalid_parameter", "1 of 2 adapter slots are pinned already"):
        registry.pin("b")
    registry.pin("a", False)
    registry.release(registry.acquire("b"))
    registry.release(registry.acquire("c"))
    assert states(registry)["a"] == "registered"


def test_replacing_an_adapter(make_registry, files):
    registry = make_registry(4, "a")
    held = registry.acquire("a")
    assert registry.load("a", files["a"]).running == 1, "the same content again changes nothing"
    with raises("adapter_in_use", "Cannot replace a"):
        registry.load("a", files["b"])
    registry.release(held)
    assert registry.load("a", files["b"]).content_hash != held.content_hash
    assert registry.acquire("a").content_hash != held.content_hash


def test_bad_adapter_leaves_the_registry_as_it_was(make_registry, tmp_path):
    registry = make_registry(4, "a")
    with raises("adapter_invalid", "adapter_config.json is missing"):
        registry.load("a", tmp_path)
    assert registry.info("a").state == "loaded"


def test_files_that_changed_while_evicted(make_registry, files, tmp_path):
    registry = make_registry(1, "a")
    path = shutil.copytree(files["b"], tmp_path / "moving")
    registry.load("moving", path)
    registry.release(registry.acquire("a"))
    tensors = load_file(path / "adapter_model.safetensors")
    save_file({name: tensor + 1 for name, tensor in tensors.items()}, path / "adapter_model.safetensors")
    with raises("adapter_invalid", "have changed since it was loaded"):
        registry.acquire("moving")
    info = registry.info("moving")
    assert (info.state, info.running) == ("failed", 0)
    assert "have changed" in info.error
    assert states(registry)["a"] == "loaded", "nobody is evicted for an adapter that cannot be read"
    save_file(tensors, path / "adapter_model.safetensors")
    assert registry.acquire("moving").name == "moving"
    assert registry.info("moving").state == "loaded"


def test_files_that_vanished_while_evicted(make_registry, files, tmp_path):
    registry = make_registry(1, "")
    registry.load("moving", shutil.copytree(files["a"], tmp_path / "moving"))
    registry.load("a", files["a"])
    shutil.rmtree(tmp_path / "moving")
    with raises("adapter_invalid", "adapter_config.json is missing"):
        registry.acquire("moving")


def test_many_threads(make_registry):
    """Acquire and release from eight threads through two slots: counts come out even, bounds hold."""
    registry = make_registry(2)
    errors = []

    def work(seed):
        try:
            for step in range(60):
                adapter = registry.acquire("abcd"[(seed + step) % 4])
                assert registry.num_loaded <= 2
                if adapter is not None:
                    assert adapter.name == "abcd"[(seed + step) % 4]
                    registry.release(adapter)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert all(info.running == 0 for info in registry.infos())
