"""Fixtures for the whole suite."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A database file for each run: several test runs may go on at once, and tests with a live
    server need the same WAL file that production uses, not a shared in-memory one."""
    from django.conf import settings

    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(
        tmp_path_factory.mktemp("database") / "test.sqlite3"
    )
