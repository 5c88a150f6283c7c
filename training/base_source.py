"""Where the base of a fine-tuning is, and which one it is; without torch, for whoever only asks that."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from training.errors import TrainingError

HASHED_BYTES = 2**28
# Other formats of the same weights.
IGNORED_FILES = ("*.bin", "*.pth", "*.gguf", "*.msgpack", "*.h5", "original/*")


@dataclass(frozen=True, slots=True)
class BaseSource:
    """A checkpoint directory, or a hub id, at a revision (`id@revision`; without one, what the hub calls
    main)."""

    location: str
    revision: str | None = None

    @classmethod
    def of(cls, base: str | Path) -> BaseSource:
        """Raises `TrainingError` for a path that is no checkpoint."""
        text = str(base)
        directory = Path(text)
        if directory.is_dir():
            if not (directory / "config.json").is_file():
                raise TrainingError(
                    f"There is no model in {directory}: config.json is missing. Give the directory of a "
                    "Hugging Face checkpoint, or a hub id such as mistralai/Mistral-7B-v0.1."
                )
            return cls(text)
        if isinstance(base, Path) or text.startswith((".", "/", "~")) or text.count("/") != 1:
            raise TrainingError(f"There is no directory {text}. Give a checkpoint directory or a hub id.")
        location, _, revision = text.partition("@")
        return cls(location, revision or "main")

    @property
    def is_local(self) -> bool:
        return self.revision is None

    @property
    def name(self) -> str:
        """What the adapter's config calls its base: a hub id, or a path, relative to here where it can be."""
        if not self.is_local:
            return self.location
        directory = Path(self.location).resolve()
        here = Path.cwd()
        return directory.relative_to(here).as_posix() if directory.is_relative_to(here) else str(directory)

    def local_directory(self) -> Path:
        """The checkpoint on this machine, fetched from the hub if need be. Raises `TrainingError`."""
        if self.is_local:
            return Path(self.location)
        from huggingface_hub import snapshot_download

        try:
            return Path(
                snapshot_download(self.location, revision=self.revision, ignore_patterns=IGNORED_FILES)
            )
        except Exception as error:  # the hub client and the network raise many types
            reason = str(error).strip().partition("\n")[0].rstrip(".")
            raise TrainingError(
                f"The base {self.location} cannot be fetched from the hub: {reason}. Check the connection, "
                "or give the directory of a checkpoint."
            ) from error

    def fingerprint(self) -> str:
        """Tells one base from another: by revision, or by the content of config, tokenizer and weights (of
        very large files by size and time of change)."""
        if not self.is_local:
            return f"{self.location}@{self.revision}"
        digest = hashlib.sha256()
        for file in sorted(Path(self.location).iterdir()):
            if file.name in ("config.json", "tokenizer.json") or file.suffix == ".safetensors":
                state = file.stat()
                digest.update(f"{file.name} {state.st_size}".encode())
                if state.st_size <= HASHED_BYTES:
                    digest.update(file.read_bytes())
                else:
                    digest.update(str(state.st_mtime_ns).encode())
        return digest.hexdigest()
