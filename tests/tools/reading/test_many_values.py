"""Bodies of many small values: summarized by number and size, whichever way they are read."""

import json
from typing import Any

import anyio.to_thread
import pytest
from reading import logged, shown

from cf_aig_tools.reading.skeleton import Skeleton
from cf_aig_tools.reading.unveiled import visible

pytestmark = pytest.mark.anyio

VECTOR = [round(0.5 - number / 3072, 6) for number in range(1536)]
EMBEDDINGS: dict[str, Any] = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": index, "embedding": VECTOR} for index in range(60)],
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}


@pytest.mark.parametrize("indent", [None, 1])
async def test_embeddings_are_summarized_by_number_and_length(indent: int | None) -> None:
    told = await shown(json.dumps(EMBEDDINGS, indent=indent).encode(), chunk=65_536)

    assert "60 vectors of 1536 numbers" in told


async def test_an_outline_counts_every_number() -> None:
    told = await shown(EMBEDDINGS, chunk=65_536, view="outline")

    assert told.startswith(f"{1 + 4 + 2 + 60 * (1 + 3 + 1536):,} parts, ")
    size = len(json.dumps(EMBEDDINGS, separators=(",", ":")))
    assert f"(whole)  object of 4, {size:,} characters" in logged(told)
    assert "/data/*/embedding  60 arrays, " in logged(told)
    assert "/data/*/embedding/*  92,160 numbers, " in logged(told)


@pytest.mark.parametrize("recent", [100, 10_000_000])
def test_numbers_in_a_row_are_left_out_only_further_up(recent: int) -> None:
    read = Skeleton(recent)
    read.add(json.dumps({"a": VECTOR, "b": "1,2," * 40, "c": [7, 8]}).encode())
    for _ in range(3):
        read.add(b" " * 100)

    value = read.value()

    assert value["b"] == "1,2," * 40
    assert value["c"] == [7, 8]
    assert (value["a"] == VECTOR) is (recent > 100)
    assert len(value["a"]) == 2 or recent > 100


async def test_token_ids_are_no_texts() -> None:
    body = {"model": "text-embedding-3-small", "input": [list(range(2000)) for _ in range(40)]}

    told = await shown(body, chunk=65_536)

    assert "Embeddings" in told
    assert "no turns" in told


async def test_bodies_with_too_many_values_are_shown_as_stored() -> None:
    body = b"[" + b"{}," * 110_000 + b"1]"

    for asked in ({}, {"view": "outline"}):
        told = await shown(body, chunk=65_536, **asked)

        assert told.startswith("Shown as stored because it has more than 75,000 arrays and objects")
        assert logged(told).startswith("[{},{},{}")


async def test_bodies_with_too_many_values_are_searched_as_stored() -> None:
    body = b"[" + b"{}," * 110_000 + b'"refund"]'

    told = await shown(body, chunk=65_536, search="refund")

    assert told.startswith('1 match for "refund".\n')
    assert "text, character 330002: " in told


async def test_only_the_largest_of_many_parts_are_listed() -> None:
    body = {f"key{number}": number for number in range(60_000)} | {"large": "x" * 1000}

    told = await shown(body, chunk=65_536, view="outline", budget=300)

    assert told.startswith("60,002 parts, ")
    assert "/large  string, 1,002 characters" in logged(told)
    assert "Left out: " in told


@pytest.mark.parametrize("asked", [{}, {"view": "outline"}, {"view": "raw"}, {"search": "a"}, {"pointer": "/a"}])
async def test_a_large_body_is_read_in_threads(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    run_sync, counted = anyio.to_thread.run_sync, list[Any]()

    async def counting(work: Any, *arguments: Any, **more: Any) -> Any:
        counted.append(work)
        return await run_sync(work, *arguments, **more)

    monkeypatch.setattr(anyio.to_thread, "run_sync", counting)

    await shown({"a": "words " * 1000}, **asked)
    assert counted == []
    await shown({"a": "words " * 100_000}, chunk=65_536, **asked)
    assert counted


async def test_an_event_of_many_chunks_is_read() -> None:
    event = json.dumps({"choices": [{"delta": {"content": "word " * 100_000}, "finish_reason": "stop"}]})

    told = await shown(f"data: {event}\n\ndata: [DONE]\n\n".encode(), chunk=700)

    assert "finish stop" in told
    assert "(500,000 characters)" in told


async def test_a_stream_with_endless_choices_is_assembled_within_limits() -> None:
    events = (json.dumps({"choices": [{"index": number, "delta": {"content": "a"}}]}) for number in range(3000))

    told = await shown("".join(f"data: {event}\n\n" for event in events).encode(), chunk=65_536)

    assert "(1024 times in a row, last shown)" in told


@pytest.mark.parametrize("place", [0, 65_530, 65_536, 131_070, 199_994])
async def test_words_are_found_wherever_they_stand_in_a_long_text(place: int) -> None:
    text = "ж" * place + "ReFund" + "ж" * (199_994 - place)

    told = await shown({"a": text}, search="refund")

    assert told.startswith('1 match for "refund".\n')
    assert f"/a, character {place}: " in told


def test_making_a_long_text_visible_in_steps_gives_the_same_result() -> None:
    text = "\u200b" * 65_535 + "\\u{41}" + "x" * 65_529 + "\\u{42}" + "\\" * 70_000

    assert visible(text) == "\\u{200b}" * 65_535 + "\\u{5c}u{41}" + "x" * 65_529 + "\\u{5c}u{42}" + "\\" * 70_000
