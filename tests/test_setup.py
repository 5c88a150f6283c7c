"""The set-up script's words to a newcomer whose machine is not ready."""

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what set-up reads, without an environment."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts/setup.sh", tmp_path / "scripts/setup.sh")
    for lock in ("requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / lock, tmp_path / lock)
    return tmp_path


def setup(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["scripts/setup.sh", "run"],
        cwd=checkout,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_old_python_is_named_with_the_remedy(checkout: Path):
    old = executable(
        checkout / "python-old",
        '#!/bin/sh\ncase "$2" in *version_info*) exit 1 ;; *) echo 3.8.10 ;; esac\n',
    )
    result = setup(checkout, PYTHON=str(old))
    assert result.returncode != 0
    assert "needs Python 3.11 or newer" in result.stderr
    assert "3.8.10" in result.stderr
    assert "PYTHON=" in result.stderr
    assert not (checkout / ".venv").exists()


def test_a_missing_python_is_named_with_the_remedy(checkout: Path):
    result = setup(checkout, PYTHON="/nowhere/python3")
    assert result.returncode != 0
    assert "needs Python 3.11 or newer" in result.stderr


def test_a_missing_venv_module_names_the_package(checkout: Path):
    bare = executable(checkout / "python-bare", '#!/bin/sh\n[ "$1" = -m ] && exit 1\nexit 0\n')
    result = setup(checkout, PYTHON=str(bare))
    assert result.returncode != 0
    assert "apt-get install python3-venv" in result.stderr


def test_an_up_to_date_environment_installs_nothing(checkout: Path):
    (checkout / ".venv/bin").mkdir(parents=True)
    log = checkout / "calls"
    executable(checkout / ".venv/bin/python", f'#!/bin/sh\necho "$*" >> {log}\n')
    shutil.copy(checkout / "requirements.lock", checkout / ".venv/.installed-run")
    assert setup(checkout).returncode == 0
    assert "install" not in log.read_text()


def test_a_changed_lock_installs_again(checkout: Path):
    (checkout / ".venv/bin").mkdir(parents=True)
    log = checkout / "calls"
    executable(checkout / ".venv/bin/python", f'#!/bin/sh\necho "$*" >> {log}\n')
    (checkout / ".venv/.installed-run").write_text("torch==1.0\n")
    assert setup(checkout).returncode == 0
    calls = log.read_text()
    assert "install" in calls
    assert "-r requirements.lock" in calls
    assert setup(checkout).returncode == 0
    assert log.read_text().count("-r requirements.lock") == 1


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_locks_hold_released_versions_only(lock: str):
    """No paths of the machine that made the lock, no build tags, no package indexes."""
    lines = (ROOT / lock).read_text().splitlines()
    assert len(lines) > 20
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9._-]+==[0-9][0-9a-z.]*", line)] == []


def test_the_development_lock_extends_the_one_of_the_site():
    site = set((ROOT / "requirements.lock").read_text().splitlines())
    assert site <= set((ROOT / "requirements-dev.lock").read_text().splitlines())
