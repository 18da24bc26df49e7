"""Google's interactions, the successor of generateContent: ai.google.dev/api/interactions, read 2026-11-27."""

from cf_aig_gateway.formats.content import Content, Gap, parameters, tool_names
from cf_aig_gateway.formats.conversation import Conversation, Turn
from cf_aig_gateway.formats.format import Assembly, Body, Format
from cf_aig_gateway.formats.growth import append, at, items
from cf_aig_gateway.formats.usage import Usage, count, total
from cf_aig_gateway.shapes import as_list, as_object, as_text

PARAMETERS = ("generation_config", "previous_interaction_id", "response_mime_type", "background", "stream", "agent")


def is_request(body: Body) -> bool:
    """Recognize a request: an input, beside fields that only this API has."""
    own = {"generation_config", "previous_interaction_id", "response_mime_type", "agent"} & body.keys()
    return "input" in body and bool(own)


def request(body: Body, gap: Gap) -> Conversation:
    """Read a request."""
    given = body["input"]
    turns = [Turn("user", given, "/input")] if isinstance(given, str) else []
    turns += [_step(as_object(step), gap, f"/input/{number}") for number, step in enumerate(as_list(given))]
    if system := as_text(body.get("system_instruction")):
        turns.insert(0, Turn("system", system, "/system_instruction"))
    model = as_text(body.get("model")) or as_text(body.get("agent"))
    tools = tuple(tool_names(as_list(body.get("tools"))))
    return Conversation("Gemini interaction", model, parameters(body, PARAMETERS), tools, tuple(turns))


def _step(step: Body, gap: Gap, pointer: str) -> Turn:
    content = Content(gap)
    kind = as_text(step.get("type"))
    if kind == "thought":
        content.think(step.get("summary"))
    elif kind.endswith("_call"):
        content.call(step.get("id"), step.get("name") or kind.removesuffix("_call"), step.get("arguments"))
    elif kind.endswith("_result"):
        content.result(step.get("call_id"), step.get("result"), failed=step.get("is_error") is True)
    else:
        held = step.get("content", step)
        for part in as_list(held) or [held]:
            _add_part(content, {"type": "text", "text": part} if isinstance(part, str) else as_object(part))
    role = as_text(step.get("role")) or ("user" if kind in {"", "text", "user_input"} else "model")
    return content.turn(role, pointer)


def _add_part(content: Content, part: Body) -> None:
    if isinstance(part.get("text"), str):
        content.text(part["text"])
        for note in map(as_object, as_list(part.get("annotations"))):
            content.cite(note.get("title"), note.get("url") or note.get("source"))
    elif part.get("data") or part.get("uri"):
        content.medium(as_text(part.get("type")), part.get("data"), url=part.get("uri"), mime=part.get("mime_type"))
    elif part:
        content.other(part)


def is_reply(body: Body) -> bool:
    """Recognize an interaction."""
    return isinstance(body.get("steps"), list)


def reply(body: Body, gap: Gap) -> Conversation:
    """Read an interaction."""
    turns = tuple(_step(as_object(step), gap, f"/steps/{number}") for number, step in enumerate(as_list(body["steps"])))
    model = as_text(body.get("model")) or as_text(body.get("agent"))
    return Conversation("Gemini interaction", model, turns=turns, finish=as_text(body.get("status")))


def usage(body: Body) -> Usage:
    """Read its usage, which counts thoughts separately."""
    held = as_object(body.get("usage"))
    thoughts = count(held.get("total_thought_tokens"))
    return Usage(
        total(count(held.get("total_input_tokens")), count(held.get("total_tool_use_tokens"))),
        total(count(held.get("total_output_tokens")), thoughts),
        cache_read=count(held.get("total_cached_tokens")) or 0,
        reasoning=thoughts or 0,
        is_cache_stated="total_cached_tokens" in held,
    )


class InteractionAssembly(Assembly):
    """An interaction from its events."""

    def add(self, event: Body) -> None:
        """Take the next event."""
        kind = as_text(event.get("event_type"))
        if kind.startswith("interaction."):
            self.held |= as_object(event.get("interaction"))
            self.finished = kind.endswith((".completed", ".failed", ".cancelled"))
        elif kind in {"step.start", "step.delta"}:
            step = at(items(self.held, "steps"), event.get("index"))
            step |= as_object(event.get("step"))
            self._grow(step, as_object(event.get("delta")))

    def _grow(self, step: Body, delta: Body) -> None:
        kind = as_text(delta.get("type"))
        if kind == "text":
            content = items(step, "content")
            if not content or as_object(content[-1]).get("type") != "text":
                content.append({"type": "text"})
            append(content[-1], "text", delta.get("text"))
        elif kind == "thought_summary":
            items(step, "summary").append(delta.get("content") or delta)
        else:
            append(step, "arguments", delta.get("arguments") or delta.get("partial_arguments"))


FORMAT = Format(
    "Gemini interaction",
    is_request=is_request,
    request=request,
    is_reply=is_reply,
    reply=reply,
    is_event=lambda event: as_text(event.get("event_type")).startswith(("interaction.", "step.")),
    assembly=InteractionAssembly,
    members=("status", "updated", "outputs", "steps"),
    usage=usage,
)
