"""`/healthz` asks only the process; `/readyz` asks what it needs for its work."""

from __future__ import annotations

from django.db import connection
from django.test import Client

from inference.request import RequestError
from playground.engine import engine


def test_the_process_is_alive_without_database_or_engine(client):
    response = client.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


async def test_ready_with_database_and_engine(scripted, async_client):
    response = await async_client.get("/readyz")
    assert response.status_code == 200
    checks = response.json()["checks"]
    assert checks["database"]["ok"]
    assert checks["engine"]["message"] == (
        "The engine is ready: scripted on cpu, 4 adapters loaded, 0 running, 0 waiting."
    )
    assert "no-store" in response["Cache-Control"]


async def test_not_ready_while_the_engine_is_not(catalogue, transactional_db, async_client):
    response = await async_client.get("/readyz")
    assert response.status_code == 503
    body = response.json()
    assert body["status"] == "not ready"
    assert body["checks"]["database"]["ok"]
    assert body["checks"]["engine"] == {"ok": False, "message": engine.sentence}


async def test_not_ready_when_the_engine_fails_to_answer(scripted, async_client, monkeypatch):
    async def stats():
        raise RequestError("internal", "The engine has stopped.")

    monkeypatch.setattr(scripted, "stats", stats)
    response = await async_client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["checks"]["engine"]["message"] == "The engine has stopped."


def test_not_ready_without_tables(transactional_db, monkeypatch):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE playground_adapter RENAME TO elsewhere")
    try:
        response = Client().get("/readyz")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO playground_adapter")
    assert response.status_code == 503
    assert "no such table" in response.json()["checks"]["database"]["message"]
