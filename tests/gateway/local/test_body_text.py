"""The text of a log's bodies."""

import json
from typing import Any

import pytest

from cf_aig_gateway.local.body_text import LEVELS, MANY, MEDIA, body_text

ARGUMENTS = json.dumps({"path": "a\nb", "inner": json.dumps({"said": "x\ty"})})
EVENTS = [{"choices": [{"index": 0, "delta": {"content": part}}]} for part in ("Scat", "tering.")]
SSE = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in EVENTS)
GEMINI = [{"candidates": [{"content": {"parts": [{"text": part}]}}]} for part in ("Scat", "tering.")]


def texts(*bodies: Any) -> list[str]:
    return body_text([body if isinstance(body, bytes) else json.dumps(body).encode() for body in bodies]).split("\n")


def test_names_strings_numbers_and_flags_are_there_once() -> None:
    assert texts({"model": "gpt", "n": 1.5, "ok": True, "no": None}, {"model": "gpt", "n": 10**20}) == [
        "model", "gpt", "n", "1.5", "ok", "true", "no", "100000000000000000000",
    ]  # fmt: skip


def test_json_in_strings_is_read_at_every_depth() -> None:
    read = texts({"arguments": ARGUMENTS})

    assert ARGUMENTS in read
    assert {'{"path": "a', 'b", "inner": "{"said": "x\ty"}"}'} <= set(read)


def test_escapes_are_read_up_to_a_number_of_levels() -> None:
    said = "a\\nb"
    for _ in range(LEVELS):
        said = json.dumps(said)

    assert len(texts({"t": said})) == 1 + LEVELS


def test_escapes_are_read_in_prose_and_in_what_was_cut_off() -> None:
    assert texts({"t": r"see \"caf\u00e9\" and"}) == ["t", r"see \"caf\u00e9\" and", 'see "café" and']


def test_long_lists_of_numbers_are_left_out_but_not_the_texts_among_them() -> None:
    assert texts({"few": [1, 2], "many": [*([7] * MANY), 8, "x"]}) == ["few", "1", "2", "many", "x"]


def test_base64_media_are_left_out_but_not_the_text_around_them() -> None:
    image = "QUJD" * (MEDIA // 4)

    assert texts({"url": f"data:image/png;base64,{image}"}) == ["url", "data:image/png;base64, "]
    assert texts({"id": image[1:]}) == ["id", image[1:]]


@pytest.mark.parametrize("stream", [SSE, json.dumps(GEMINI).encode()])
def test_a_stream_is_included_raw_and_assembled(stream: bytes) -> None:
    read = texts(stream)

    assert stream.decode().split("\n")[0] in read
    assert "Scattering." in read


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b"", [""]),
        (b"<html>\xff</html>", ["<html>\ufffd</html>"]),
        (b'\xef\xbb\xbf{"a":"b"}', ["a", "b"]),
        (b'{"a":"b', ['{"a":"b']),
        (b'{"a":"b\x01"}', ["a", "b\x01"]),
        (b'{"a":"\xff"}', ["a", "\ufffd"]),
        (rb'{"a":"\ud83d"}', ["a", "\ufffd"]),
        (rb'{"a":"{\"b\":\"\\ud83d\"}"}', ["a", r'{"b":"\ud83d"}', '{"b":"\ufffd"}']),
        (b"null", ["null"]),
        (b"[1%b]" % (b"0" * 5000), ["[1" + "0" * 5000 + "]"]),
        (b"[" * 500 + b"1" + b"]" * 500, ["1"]),
    ],
)
def test_any_bytes_are_read(body: bytes, read: list[str]) -> None:
    assert texts(body) == read


def test_nesting_up_to_the_limit_is_read() -> None:
    depth = next(depth for depth in range(2000, 0, -10) if _is_read(depth))

    assert texts(b'{"a":[' * depth + b"1" + b"]}" * depth) == ["a", "1"]


def _is_read(depth: int) -> bool:
    try:
        json.loads('{"a":[' * depth + "1" + "]}" * depth)
    except RecursionError:
        return False
    return True


def test_nesting_beyond_the_limit_is_reported() -> None:
    with pytest.raises(RecursionError):
        body_text([None, b"[" * 100_000 + b"]" * 100_000])
