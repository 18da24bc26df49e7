"""One test case: a logged call of any wire format as one JSON line."""

from dataclasses import dataclass
from typing import Any

import anyio.to_thread

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.formats.chat_messages import Asked, answered, asked, finish
from cf_aig_gateway.formats.content import as_json
from cf_aig_gateway.formats.conversation import Conversation
from cf_aig_gateway.json_text import load_json, whole, write_json
from cf_aig_gateway.models import Log
from cf_aig_gateway.resend import step_of
from cf_aig_gateway.shapes import as_list, as_object, as_text
from cf_aig_tools.bodies import Bodies, Raw
from cf_aig_tools.reading import body as stored
from cf_aig_tools.reading.forms import OPENING, form_of
from cf_aig_tools.reading.masking import Masker, note

Line = dict[str, Any]
"""`input` (OpenAI messages), `tools`, `parameters`, `output` (the reply message or null) and `metadata`."""


@dataclass(frozen=True)
class Skipped:
    """Why a log cannot be a case."""

    reason: str


async def case_of(bodies: Bodies, log: Log, masker: Masker) -> bytes | Skipped:
    """Return a log as a line with its secrets masked. Unknown values are left out of its metadata."""
    request = await bodies.raw(log.id, "request")
    if request is None:
        return Skipped("the request is not stored")
    response = await bodies.raw(log.id, "response")
    return await anyio.to_thread.run_sync(_written, log, request, response, masker)


def _written(log: Log, request: Raw, response: Raw | None, masker: Masker) -> bytes | Skipped:
    _, body = step_of(log, _read(request).value)
    if not body:
        return Skipped("the request is not a JSON object")
    chat = asked(body)
    if chat is None or not chat.messages:
        return Skipped("the request is not a chat")
    reply = _read(response).conversation() if response else None
    given = whole({"input": chat.messages, "tools": chat.tools, "parameters": chat.parameters})
    shown = masker.masked(given)
    hidden = "" if shown == given else note(as_json(shown)) or "some text"
    missing = [*chat.missing, *(["the rest of the request, which is truncated"] if request.is_cut else [])]
    about = _metadata(log, chat, reply, response) | {"missing": missing, "masked": hidden}
    line = whole({"output": answered(reply) if reply and not reply.error else None, "metadata": _held(about)})
    return write_json({**shown, **masker.masked(line)}) + b"\n"


def _read(raw: Raw) -> stored.Body:
    return stored.whole(raw.data, form_of(raw.data[:OPENING]), Masker(enabled=False))


def _metadata(log: Log, chat: Asked, reply: Conversation | None, response: Raw | None) -> Line:
    return {
        "log_id": log.id,
        "created_at": log.created_at,
        "provider": log.provider,
        "model": log.model,
        "success": log.success,
        "status": log.status_code,
        "finish": finish(reply) if reply else None,
        "error": reply.error if reply else None,
        "broken": (reply.broken if reply else "") or ("the reply is not stored" if response is None else ""),
        "cost": log.cost,
        "duration": log.duration,
        "tokens_in": log.tokens_in,
        "tokens_out": log.tokens_out,
        "cached": log.cached or None,
        "feedback": log.feedback,
        "score": (log.model_extra or {}).get("score"),
        "metadata": log.metadata,
        "form": chat.kind,
        "left_out": list(chat.left_out),
    }


def _held(about: Line) -> Line:
    """Return the known values; whole numbers lose their fraction."""
    held = {name: value for name, value in about.items() if value not in (None, "", [], {})}
    return {name: int(v) if isinstance(v, float) and v.is_integer() else v for name, v in held.items()}


@dataclass(frozen=True)
class Case:
    """A parsed line."""

    log_id: str
    messages: list[Any]
    tools: list[Any]
    parameters: Line
    output: Line
    metadata: Line

    @property
    def unfit(self) -> str:
        """Return why it cannot be sent unchanged; empty if it can."""
        if hidden := self.metadata.get("masked"):
            return f"masked: {as_text(hidden)}"
        missing = [as_text(each) for each in as_list(self.metadata.get("missing"))]
        return f"not in the case: {', '.join(missing)}" if missing else ""


def read_case(line: bytes, where: str) -> Case:
    """Return the case on a line; `where` describes the line in errors.

    Raises:
        GatewayError: the line is not a case.

    """
    try:
        held = as_object(load_json(line))
    except ValueError:
        raise GatewayError(
            f"{where} is not JSON. Was the file truncated? Each line must be one case, as written by export."
        ) from None
    metadata = as_object(held.get("metadata"))
    messages = as_list(held.get("input"))
    log_id = as_text(metadata.get("log_id"))
    if not messages or not all(as_text(as_object(each).get("role")) for each in messages):
        raise GatewayError(f"{where} has no messages: input must be a list of {{role, content}}.")
    if not log_id:
        raise GatewayError(f"{where} has no metadata.log_id, which identifies a case.")
    parameters, output = as_object(held.get("parameters")), as_object(held.get("output"))
    return Case(log_id, messages, as_list(held.get("tools")), parameters, output, metadata)
