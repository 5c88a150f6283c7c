"""Reading a world: what is here, and in a sentence what is not."""

from __future__ import annotations

import json

import pytest

from playground.world import read_world
from tests.playground.worlds import write_world


def test_a_world_names_its_base_and_adapters(tmp_path):
    world = write_world(tmp_path)
    assert (world.name, world.base_name, world.base_id) == ("miniature", "Mini-Mistral 5M", "mini-mistral-5m")
    assert world.base_path == tmp_path / "base"
    assert world.live_adapters == ["glue_sst2", "conllpp", "gsm8k", "viggo"]
    assert world.adapters["viggo"].path == tmp_path / "adapters/viggo"


def test_a_missing_file_is_named(tmp_path):
    world = write_world(tmp_path)
    file = tmp_path / "adapters/viggo/adapter_model.safetensors"
    file.unlink()
    availability = world.availability("viggo")
    assert not availability.live
    assert availability.missing == (
        "A file of the miniature world is missing: adapters/viggo/adapter_model.safetensors."
    )
    assert "viggo" not in world.live_adapters


def test_an_adapter_the_engine_refused_says_why(tmp_path):
    world = write_world(tmp_path)
    world.refused["viggo"] = "Its tensor is damaged."
    assert world.availability("viggo").missing == "Its tensor is damaged."


def test_no_world_is_an_empty_one_that_says_so(tmp_path):
    world = read_world(tmp_path / "nowhere")
    assert world.adapters == {}
    assert "LORALAND_WORLD" in world.problem
    assert world.availability("viggo").missing == world.problem


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"name": "x", "base": 1}', json.dumps({"name": "x"})])
def test_a_damaged_manifest_is_named(tmp_path, text):
    (tmp_path / "world.json").write_text(text)
    assert read_world(tmp_path).problem.startswith("world.json cannot be read")


def test_visitors_do_not_learn_where_the_world_lies_but_the_log_does(tmp_path, caplog):
    world = read_world(tmp_path / "nowhere")
    assert str(tmp_path) not in world.problem
    assert str(tmp_path / "nowhere" / "world.json") in caplog.text
    assert world.public(f"{tmp_path}/nowhere/base/config.json is damaged.") == "base/config.json is damaged."
    assert world.public(f"{tmp_path}/nowhere is empty.") == "nowhere is empty."
