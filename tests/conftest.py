"""Fixtures for the whole suite."""

from __future__ import annotations

import os

import pytest
import torch

if not torch.cuda.is_available():  # before anything imports Triton: its kernels then run without a device
    os.environ.setdefault("TRITON_INTERPRET", "1")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A database file for each run: several test runs may go on at once, and tests with a live
    server need the same WAL file that production uses, not a shared in-memory one."""
    from django.conf import settings

    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(
        tmp_path_factory.mktemp("database") / "test.sqlite3"
    )
