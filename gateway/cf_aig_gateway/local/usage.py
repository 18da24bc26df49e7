"""The tokens of a call, as its provider reports them, or estimated if it reports none."""

from collections.abc import Iterator, Mapping
from typing import Any

from cf_aig_gateway import formats, pricing
from cf_aig_gateway.formats import Conversation
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.json_text import read_json

CHARACTERS_PER_TOKEN = 4

NONE = Usage(0, 0)
"""The usage of a refused call: no tokens, no cost."""


def usage_of_body(provider: str, body: bytes) -> Usage:
    """Read the usage of a whole JSON reply."""
    reply = formats.result_of(read_json(body))
    return pricing.usage_of(provider, formats.reply_format(reply), reply)


def usage_of_stream(provider: str, body: bytes, asked: Mapping[str, Any], *, is_whole: bool) -> Usage:
    """Read the usage that a stream reports.

    What it doesn't report, or not to the end because it broke off, is estimated from the text that passed.
    """
    reported = _usage(provider, _telling(body))
    if is_whole and reported.tokens_out is not None:
        return reported
    stream = formats.stream()
    stream.add(body)
    stream.end()
    stated = _usage(provider, body)
    said = _size(formats.read(stream.reply()))
    return Usage(
        tokens_in=_size(formats.read(dict(asked))) if stated.tokens_in is None else stated.tokens_in,
        tokens_out=max(said, stated.tokens_out or 0),
        cache_read=stated.cache_read,
        cache_write=stated.cache_write,
        is_estimate=True,
        is_cache_stated=stated.is_cache_stated,
    )


def _telling(body: bytes) -> bytes:
    """Return the events that may report tokens, to avoid parsing all of a long stream."""
    if not body.startswith((b"data:", b"event:", b":")):
        return body
    return b"\n".join(_lines_with(b"usage", body)) + b"\n\n"


def _lines_with(word: bytes, body: bytes) -> Iterator[bytes]:
    place = body.find(word)
    while place >= 0:
        start, end = body.rfind(b"\n", 0, place) + 1, body.find(b"\n", place)
        end = len(body) if end < 0 else end
        yield body[start:end]
        place = body.find(word, end)


def _usage(provider: str, body: bytes) -> Usage:
    stream = formats.stream()
    stream.add(body)
    stream.end()
    return pricing.usage_of(provider, stream.format, stream.reply())


def _size(held: Conversation | None) -> int:
    """Estimate the tokens of a conversation's text."""
    turns = held.turns if held else ()
    texts = [part for turn in turns for part in (turn.reasoning, turn.text, *(call.arguments for call in turn.calls))]
    return count_tokens("\n".join(filter(None, texts)))


def count_tokens(text: str) -> int:
    """Estimate tokens: four characters make one."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)
