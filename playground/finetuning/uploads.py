"""Uploads that are too large are refused while they arrive, not after they have filled the disk."""

from __future__ import annotations

from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler

from playground.finetuning.forms import MAX_BYTES


class LimitedUpload(TemporaryFileUploadHandler):
    """Stops at the first byte too many, or when the disk is full; `request.upload_refused` then says why."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) > MAX_BYTES:
            self._refuse(
                f"{self.file_name} is larger than {MAX_BYTES // 1024 // 1024} MB. "
                "Leave rows out: a few thousand good ones are plenty."
            )
        try:
            super().receive_data_chunk(raw_data, start)
        except OSError:
            self._refuse("The server's disk is full, so nothing was kept. Try again later.")

    def _refuse(self, sentence: str) -> None:
        self.request.upload_refused = sentence
        self.file.close()
        raise StopUpload(connection_reset=False)
