"""A hashing runner that works like a device: it queues launches, tokens come late, its memory is its own.

The queue is executed in order, as late as it may be (when tokens are asked for). Block tables are those of
`inference.gpu.rows.BlockTables`; an adapter is a place on the device that a later adapter may overwrite.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from inference.gpu.rows import BlockTables
from tests.inference.hashing_runner import VOCAB_SIZE, HashingRunner, HeldAdapter, SlotAdapters, next_token


@dataclass(eq=False)
class PlacedAdapter(HeldAdapter):
    place: int = 0


class PlacedAdapters(SlotAdapters):
    """Slots are places on the device, overwritten in turn with the steps."""

    def __init__(self, slots, names, runner):
        super().__init__(slots, names)
        self.runner = runner

    def acquire(self, name):
        before = dict(self.loaded)
        held = super().acquire(name)
        if held is not None and name not in before:
            taken = {h.place for n, h in self.loaded.items() if n != name}
            place = min(set(range(self.slots)) - taken)
            placed = PlacedAdapter(name, held.running, held.pinned, place)
            self.loaded[name] = placed
            self.runner.write_place(place, name)
            return placed
        return held


class Flight:
    def __init__(self, runner, sequences, number):
        self.sequences, self._runner, self._number = sequences, runner, number
        self.result = None

    def tokens(self):
        self._runner.run_until(self._number)
        assert len(self.result) == len(self.sequences)
        return [-1 if any(x != x for x in row.tolist()) else int(row.argmax()) for row in self.result]

    def logits(self):
        self._runner.run_until(self._number)
        return self.result


class AheadRunner(HashingRunner):
    runs_ahead = True

    def __init__(self, config, adapters=()):
        super().__init__(config, adapters)
        self.adapters = PlacedAdapters(config.adapter_slots, set(adapters), self)
        self.queue, self.number, self.done = [], 0, 0
        self.places: dict[int, str] = {}
        self.chosen: list[int] = [0] * config.max_num_seqs
        self._row_of: dict[int, int] = {}
        longest = -(-self.max_model_len // config.block_size)
        self.tables = BlockTables(config.max_num_seqs + 2, longest, torch.device("cpu"))

    def write_place(self, place, name):
        self.enqueue(lambda: self.places.update({place: name}))

    def enqueue(self, work):
        self.number += 1
        self.queue.append((self.number, work))
        return self.number

    def run_until(self, number):
        while self.queue and self.queue[0][0] <= number:
            self.queue.pop(0)[1]()

    def launch(self, batch):
        if self.breaks is not None:
            raise self.breaks
        assert batch
        assert len({id(item.sequence) for item in batch}) == len(batch) <= self._config.max_num_seqs
        assert sum(item.num_new for item in batch) <= self._config.max_batched_tokens
        places, where, what = self.tables.update([item.sequence for item in batch])
        rows = []
        for item, place in zip(batch, places, strict=True):
            s = item.sequence
            assert item.num_new >= 1
            assert (s.adapter.name if s.adapter else None) == s.request.adapter
            assert s.adapter is None or s.adapter.running > 0
            stop = s.num_computed + item.num_new
            known = s.token_ids[s.num_computed : stop]
            source = None
            if len(known) < item.num_new:
                assert len(known) == item.num_new - 1 == 0 or item.num_new == 1
                source = self._row_of[id(s)]
            if any(t in self.fails_on for t in known):
                raise RuntimeError("the device is on fire")
            adapter_place = s.adapter.place if s.adapter else None
            rows.append((place, adapter_place, s.num_computed, known, source, item.samples))
        self.batches.append([(item.sequence.request.request_id, item.num_new) for item in batch])
        self.computed_tokens += sum(item.num_new for item in batch)
        wanted = [item.sequence for item in batch if item.samples]
        flight = Flight(self, wanted, 0)

        def work():
            if where:
                self.tables.table.view(-1)[torch.tensor(where)] = torch.tensor(what, dtype=torch.int32)
            logits, chosen = [], []
            size = self._config.block_size
            for place, adapter_place, first, known, source, samples in rows:
                table = self.tables.table[place].tolist()
                adapter = None if adapter_place is None else self.places[adapter_place]
                tokens = known if source is None else [max(self.chosen[source], 0)]
                slots = [table[p // size] * size + p % size for p in range(first + len(tokens))]
                for slot, token in zip(slots[first:], tokens, strict=True):
                    self._slots[slot] = (token, adapter)
                if samples:
                    cached = [self._slots[slot] for slot in slots]
                    computed_by = {name for _, name in cached}
                    row = torch.zeros(VOCAB_SIZE)
                    name = cached[0][1] if len(computed_by) == 1 else "several"
                    row[next_token([token for token, _ in cached], name)] = 10.0
                    if cached[-1][0] in self.nan_on:
                        row[7] = float("nan")
                    logits.append(row)
                    chosen.append(-1 if row.isnan().any() else int(row.argmax()))
            self.chosen[: len(chosen)] = chosen
            flight.result = torch.stack(logits) if logits else torch.zeros(0, VOCAB_SIZE)

        flight._number = self.enqueue(work)
        self._row_of = {id(s): row for row, s in enumerate(wanted)}
        return flight
