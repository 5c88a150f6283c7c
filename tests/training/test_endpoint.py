"""An OpenAI-compatible endpoint is scored beside the engine: a small server of our own plays it."""

import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.training.test_evaluate import DEMO, rows
from training.endpoint import Endpoint
from training.errors import TrainingError
from training.evaluate import evaluate, table
from training.synthetic import samples

MODEL = "large-model"


@dataclass
class Server:
    """Says "1" to everything. `refusals` are (status, headers, body) to give before that, in order; after
    `dies_after` answers it only says 500."""

    refusals: list = field(default_factory=list)
    answer: object = "1"
    dies_after: int = 10**9
    seen: list = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""

    def reply(self, path, headers, body):
        with self.lock:
            if self.refusals:
                return self.refusals.pop(0)
            if len(self.seen) >= self.dies_after:
                return 500, {"Retry-After": "0"}, {"error": {"message": "out of order"}}
            self.seen.append((path, headers.get("Authorization"), body))
        if path.endswith("/chat/completions"):
            choice = {"message": {"role": "assistant", "content": self.answer}, "finish_reason": "stop"}
        else:
            choice = {"text": self.answer, "finish_reason": "length"}
        return 200, {}, {"choices": [choice]}


@pytest.fixture
def server():
    scripted = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, headers, answer = scripted.reply(self.path, self.headers, body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        scripted.url = f"http://127.0.0.1:{http.server_port}/v1"
        yield scripted
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    for name in ("LORALAND_ENDPOINT_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def ask(server, cache, count=6, log=None, **options):
    data = {"glue_sst2": list(samples("glue_sst2", "test", count))}
    adapters = {"glue_sst2": DEMO / "adapters" / "glue_sst2"}
    endpoint = Endpoint(server.url, MODEL, **options)
    return evaluate(DEMO / "base", adapters, data, log, endpoint=endpoint, cache=cache)


def test_an_endpoint_is_scored_on_the_same_samples_beside_base_and_adapter(server, tmp_path):
    log = tmp_path / "log.jsonl"
    (each,) = ask(server, tmp_path / "cache.jsonl", log=log)
    assert list(each.scores) == ["base", "adapter", MODEL]
    ones = sum(sample.completion == "1" for sample in samples("glue_sst2", "test", 6))
    assert each.scores[MODEL]["paper"].mean == pytest.approx(ones / 6)
    assert f"| base | adapter | {MODEL} | lift |" in table([each])
    assert Counter(row["by"] for row in rows(log)) == {"base": 6, "adapter": 6, MODEL: 6}


def test_a_chat_endpoint_gets_the_prompt_as_the_users_message_greedily(server, tmp_path):
    (each,) = ask(server, tmp_path / "cache.jsonl", count=1)
    ((path, authorization, body),) = server.seen
    (sample,) = samples("glue_sst2", "test", 1)
    prompt = each.task.render(sample.variables)
    assert (path, authorization) == ("/v1/chat/completions", None)
    assert body == {
        "model": MODEL,
        "temperature": 0,
        "max_tokens": each.task.max_tokens,
        "messages": [{"role": "user", "content": prompt}],
    }


def test_a_completions_endpoint_gets_the_prompt_as_it_is_and_the_key_of_the_environment(
    server, tmp_path, monkeypatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "second")
    monkeypatch.setenv("LORALAND_ENDPOINT_KEY", "first")
    ask(server, tmp_path / "cache.jsonl", count=1, api="completions")
    ((path, authorization, body),) = server.seen
    assert (path, authorization) == ("/v1/completions", "Bearer first")
    assert body["prompt"].startswith("Given the following sentence:")
    assert "first" not in (tmp_path / "cache.jsonl").read_text()


def test_cached_answers_are_not_asked_for_again(server, tmp_path):
    cache = tmp_path / "cache.jsonl"
    first = ask(server, cache)
    assert len(server.seen) == 6
    assert table(ask(server, cache)) == table(first)
    assert len(server.seen) == 6
    ask(server, cache, count=8)
    assert len(server.seen) == 8
    ask(server, cache, api="completions")  # another way of asking is another answer
    assert len(server.seen) == 14


def test_an_endpoint_that_dies_leaves_its_answers_for_the_next_run(server, tmp_path):
    cache = tmp_path / "cache.jsonl"
    server.dies_after = 4
    with pytest.raises(TrainingError, match=r"did not answer .* in 2 attempts \(status 500: out of order\)"):
        ask(server, cache, count=10, attempts=2, concurrency=1)
    assert len(rows(cache)) == 4
    server.dies_after = 10**9
    (each,) = ask(server, cache, count=10)
    assert len(server.seen) == 10
    assert each.scores[MODEL]["paper"].n == 10


def test_a_busy_endpoint_is_asked_again_after_the_pause_it_wants(server, tmp_path):
    busy = (429, {"Retry-After": "0"}, {"error": {"message": "slow down"}})
    server.refusals = [busy, busy, (503, {"Retry-After": "0"}, {})]
    ask(server, tmp_path / "cache.jsonl", count=2)
    assert len(server.seen) == 2
    assert server.refusals == []


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, {"error": {"message": "no key."}}, r"status 401: no key\)\. Set LORALAND_ENDPOINT_KEY"),
        (404, {"detail": "?"}, r"refuses large-model \(status 404: Not Found\)\. Check the address"),
        (400, {"error": {"message": "too long"}}, r"status 400: too long\)\. Correct the request"),
        (200, {"hello": "world"}, "answered something that is not OpenAI's form"),
    ],
)
def test_a_refusal_is_told_with_the_remedy(server, tmp_path, status, body, message):
    server.refusals = [(status, {}, body)] * 20
    with pytest.raises(TrainingError, match=message):
        ask(server, tmp_path / "cache.jsonl", count=2)


def test_an_endpoint_that_is_not_there_is_named(tmp_path):
    nobody = Server(url="http://127.0.0.1:9/v1")
    with pytest.raises(TrainingError, match=r"http://127\.0\.0\.1:9/v1 did not answer .*ConnectError"):
        ask(nobody, tmp_path / "cache.jsonl", count=1, attempts=1)


def test_an_empty_answer_is_a_wrong_one_and_not_an_error(server, tmp_path):
    server.answer = None
    (each,) = ask(server, tmp_path / "cache.jsonl", count=2)
    assert each.scores[MODEL]["paper"].mean == 0
