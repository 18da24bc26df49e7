"""Bedrock's invoke of Anthropic's models: their messages without a model, streamed in AWS's frames."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cf_aig_gateway.frames import CONTENT_TYPE, frame
from cf_aig_gateway.json_text import write_json
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.providers import anthropic_messages
from cf_aig_gateway.local.providers.answers import Answer
from cf_aig_gateway.local.providers.bedrock_converse import error, refusal
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import Question
from cf_aig_gateway.local.providers.wire import Refused

__all__ = ["events", "read", "refusal", "whole"]


def read(call: Call) -> Question:
    """Return the question. A body that isn't Anthropic's is refused in AWS's words."""
    if "anthropic_version" not in call.content:
        raise Refused(_invalid("Malformed input request: #: required key [anthropic_version] not found"))
    asked = replace(
        call,
        content={**call.content, "model": call.model},
        headers={**call.headers, "anthropic-version": "2023-06-01"},
    )
    try:
        question = anthropic_messages.read(asked)
    except Refused as refused:
        raise Refused(_invalid("Malformed input request, please reformat your input and try again.")) from refused
    streams = call.endpoint.endswith("-stream")
    return replace(question, stream=streams, stream_type=CONTENT_TYPE, key=call.headers.get("authorization", ""))


def _invalid(message: str) -> Answer:
    return error(400, "ValidationException", message)


def whole(question: Question, reply: Reply) -> dict[str, Any]:
    """Return a message object."""
    return anthropic_messages.whole(question, reply)


def events(question: Question, reply: Reply) -> Iterator[bytes]:
    """Yield frames whose payload contains Anthropic's events in base64."""
    headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    for event in anthropic_messages.events(question, reply):
        data = event.partition(b"\ndata: ")[2].strip()
        yield frame(headers, write_json({"bytes": base64.b64encode(data).decode()}))
