"""Environment variables become typed settings, or a sentence that names the one that is wrong."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured

from loraland_site import environment

NAME = "LORALAND_TEST"


@pytest.fixture(params=["", "  "])
def blank(request, monkeypatch) -> None:
    monkeypatch.setenv(NAME, request.param)


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("True", True), ("ON", True), ("0", False), ("no", False)]
)
def test_booleans(monkeypatch, text, value):
    monkeypatch.setenv(NAME, text)
    assert environment.boolean(NAME, not value) is value


def test_a_blank_variable_is_none(blank, tmp_path):
    assert environment.boolean(NAME, True) is True
    assert environment.integer(NAME, 7, least=1, most=9) == 7
    assert environment.choice(NAME, "a", ("a", "b")) == "a"
    assert environment.words(NAME) == []
    assert environment.directory(NAME, tmp_path) == tmp_path


def test_lists(monkeypatch):
    monkeypatch.setenv(NAME, " a.example, ,b.example ")
    assert environment.words(NAME) == ["a.example", "b.example"]


@pytest.mark.parametrize(
    "read",
    [
        lambda: environment.boolean(NAME, False),
        lambda: environment.integer(NAME, None, least=1, most=9),
        lambda: environment.choice(NAME, "a", ("a", "b")),
        lambda: environment.origins(NAME),
    ],
    ids=["boolean", "integer", "choice", "origins"],
)
def test_what_cannot_be_read_is_named(monkeypatch, read):
    monkeypatch.setenv(NAME, "12monkeys")
    with pytest.raises(ImproperlyConfigured, match=f"{NAME} must .*12monkeys"):
        read()


@pytest.mark.parametrize("text", ["0", "10", "-3"])
def test_numbers_have_bounds(monkeypatch, text):
    monkeypatch.setenv(NAME, text)
    with pytest.raises(ImproperlyConfigured, match="from 1 to 9"):
        environment.integer(NAME, None, least=1, most=9)


@pytest.mark.parametrize(
    "text", ["example.org", "https://", "ftp://a.example", "https://*.example", "https://a/b"]
)
def test_origins_are_whole(monkeypatch, text):
    monkeypatch.setenv(NAME, text)
    with pytest.raises(ImproperlyConfigured):
        environment.origins(NAME)


def test_a_secret_is_made_once_and_kept_private(tmp_path, monkeypatch):
    monkeypatch.delenv(NAME, raising=False)
    file = tmp_path / "new" / "secret"
    made = environment.secret(NAME, file)
    assert len(made) >= 50
    assert environment.secret(NAME, file) == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_processes_that_start_together_agree_on_the_secret(tmp_path, monkeypatch):
    monkeypatch.delenv(NAME, raising=False)
    for attempt in range(20):
        file = tmp_path / str(attempt)
        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(lambda _, file=file: environment.secret(NAME, file), range(8)))) == 1


def test_the_variable_wins_over_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv(NAME, "mine")
    assert environment.secret(NAME, tmp_path / "secret") == "mine"
    assert not (tmp_path / "secret").exists()
