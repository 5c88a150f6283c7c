"""Fixtures for the tests of training."""

import os

import datasets
import pytest
import torch

from tests.training.tiny import TINY
from training.pretrain import pretrain


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Two threads on a tiny model wait for each other more than they compute."""
    before = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"  # for processes that a test starts
    yield
    torch.set_num_threads(before[0])
    if before[1] is None:
        del os.environ["OMP_NUM_THREADS"]


@pytest.fixture(autouse=True)
def own_datasets_cache(tmp_path_factory, monkeypatch):
    """Tables that tests read are not left in the user's cache."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("datasets"))


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """A tiny base, trained from nothing."""
    directory = tmp_path_factory.mktemp("base")
    pretrain(TINY, directory, "cpu")
    return directory
