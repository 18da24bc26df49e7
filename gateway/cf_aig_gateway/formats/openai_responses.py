"""OpenAI's Responses API and compatible ones: platform.openai.com/docs/api-reference/responses, …-streaming."""

from collections.abc import Iterator
from typing import Any

from cf_aig_gateway.formats.content import Content, Gap, parameters, tool_names
from cf_aig_gateway.formats.conversation import CacheMiss, Conversation, Turn
from cf_aig_gateway.formats.errors import Said, shared
from cf_aig_gateway.formats.format import Assembly, Body, Format
from cf_aig_gateway.formats.growth import append, at, grown, inner, items
from cf_aig_gateway.formats.openai_chat import PROMPT_CACHE, usage
from cf_aig_gateway.formats.usage import count
from cf_aig_gateway.one_line import named
from cf_aig_gateway.shapes import as_list, as_object, as_text

PARAMETERS = (
    "temperature", "top_p", "max_output_tokens", "stream", "tool_choice", "reasoning", "previous_response_id",
    "conversation", "background", "truncation", "max_tool_calls", "service_tier", *PROMPT_CACHE,
)  # fmt: skip

PENALTIES = ("frequency_penalty", "presence_penalty")

ROLES = {"function_call_output": "tool", "custom_tool_call_output": "tool"}
"""Who speaks in an item without a role; all other items are the model's."""

FIELDS = {
    "arguments": ("arguments",), "input": ("input",), "code": ("code",), "diff": ("operation", "diff"),
    "image": ("result",), "audio": ("audio",), "transcript": ("transcript",),
}  # fmt: skip
"""The member of an item that a delta extends, by the last word of the event's name."""

ENDINGS = {"completed", "failed", "incomplete", "cancelled"}


def is_request(body: Body) -> bool:
    """Recognize a request of this API."""
    return "model" in body and isinstance(body.get("input"), str | list)


def request(body: Body, gap: Gap) -> Conversation:
    """Read a request."""
    instructions = body.get("instructions")
    turns = [Turn("system", as_text(instructions), "/instructions")] if instructions else []
    given = body["input"]
    if isinstance(given, str):
        turns.append(Turn("user", given, "/input"))
    turns += [_turn(as_object(item), gap, f"/input/{number}") for number, item in enumerate(as_list(given))]
    held = parameters(body, PARAMETERS) | parameters(as_object(body.get("text")), ("format", "verbosity"))
    if held.get("format") == "text":
        del held["format"]
    return Conversation(
        "OpenAI responses",
        as_text(body.get("model")),
        held,
        tuple(tool_names(as_list(body.get("tools")))),
        tuple(turns),
    )


def _turn(item: Body, gap: Gap, pointer: str) -> Turn:
    kind = as_text(item.get("type"))
    content = Content(gap)
    _add_item(content, kind, item)
    return content.turn(as_text(item.get("role")) or ROLES.get(kind, "assistant" if kind else ""), pointer)


def _add_item(content: Content, kind: str, item: Body) -> None:
    match kind:
        case "message" | "":
            _add_parts(content, item.get("content"))
        case "reasoning":
            content.think(item.get("summary"))
            content.think(item.get("content"))
        case "function_call" | "custom_tool_call" | "tool_search_call":
            name = ".".join(filter(None, [as_text(item.get("namespace")), as_text(item.get("name"))]))
            told = item.get("arguments", item.get("input"))
            content.call(item.get("call_id"), name or kind, told, is_free=kind == "custom_tool_call")
        case "mcp_list_tools":
            tools = ", ".join(tool_names(as_list(item.get("tools"))))
            content.text(f"(tools of {as_text(item.get('server_label'))}: {tools})")
        case "compaction":
            content.text("(the conversation so far, compacted and encrypted)")
        case "image_generation_call":
            content.call(item.get("id"), "image_generation", {"prompt": item.get("revised_prompt") or ""})
            content.medium("image", item.get("result"), mime=item.get("output_format"))
        case "additional_tools":
            content.text(f"(more tools: {', '.join(tool_names(as_list(item.get('tools'))))})")
        case _:
            _add_hosted(content, kind, item)


def _add_hosted(content: Content, kind: str, item: Body) -> None:
    """Add a tool that the provider runs itself: its input and its result."""
    id_ = item.get("call_id") or item.get("id")
    if not kind.endswith("_call"):
        content.other(item)
        return
    name = ".".join(filter(None, [as_text(item.get("server_label")), as_text(item.get("name"))]))
    told = next(
        (item[field] for field in ("arguments", "action", "code", "queries", "operation") if item.get(field)), ""
    )
    content.call(id_, name or kind.removesuffix("_call"), told, is_free="arguments" not in item)
    came = [item[field] for field in ("output", "outputs", "results", "error") if item.get(field)]
    if came:
        content.result(id_, came, failed=bool(item.get("error")))


def _add_parts(content: Content, parts: Any) -> None:
    content.text(parts)
    for part in map(as_object, as_list(parts)):
        _add_part(content, part)


def _add_part(content: Content, part: Body) -> None:
    match as_text(part.get("type")):
        case "input_image" | "input_file" | "input_audio" as kind:
            data = part.get("image_url") or part.get("file_data") or as_object(part.get("input_audio")).get("data")
            url = data if as_text(data).startswith("http") else part.get("file_url")
            name = part.get("filename") or part.get("file_id")
            content.medium(kind, "" if url == data else data, url=url, name=name)
        case "refusal":
            content.refuse(part.get("refusal"))
        case _ if isinstance(part.get("text"), str):
            content.text(part["text"])
            for note in map(as_object, as_list(part.get("annotations"))):
                content.cite(note.get("title") or note.get("filename"), note.get("url"))
        case _:
            content.other(part)


def is_reply(body: Body) -> bool:
    """Recognize a response object."""
    return isinstance(body.get("output"), list)


def reply(body: Body, gap: Gap) -> Conversation:
    """Read a response object."""
    turns = [_turn(as_object(item), gap, f"/output/{number}") for number, item in enumerate(as_list(body["output"]))]
    error = shared({"error": body.get("error")})
    return Conversation(
        "OpenAI responses",
        as_text(body.get("model")),
        turns=tuple(turns),
        finish=as_text(body.get("status")),
        why=as_text(as_object(body.get("incomplete_details")).get("reason")),
        notes=tuple(_flagged(as_object(body.get("moderation")))),
        error=error.told() if error else "",
        cache_miss=_cache_miss(as_object(body.get("prompt_cache_diagnostics"))),
    )


def _cache_miss(stated: Body) -> CacheMiss | None:
    """Read why the prompt cache missed: developers.openai.com/api/docs/guides/prompt-caching/diagnostics."""
    kind = as_text(stated.get("type"))
    if kind in {"", "cache_hit"}:
        return None
    return CacheMiss(as_text(stated.get("reason")) or kind, count(stated.get("cache_missed_tokens")))


def _flagged(moderation: Body) -> Iterator[str]:
    """Yield what moderation found."""
    for side, held in moderation.items():
        for result in map(as_object, as_list(as_object(held).get("results"))):
            if result.get("flagged"):
                kinds = [name for name, found in as_object(result.get("categories")).items() if found is True]
                told = ", ".join(named(kind, 40) for kind in kinds[:4]) + " …" * (len(kinds) > 4)
                yield f"moderation flagged the {named(side, 40)}: {told}"


class ResponsesAssembly(Assembly):
    """A response object from its events. The last event contains all of it, or all except what was streamed."""

    def __init__(self) -> None:
        super().__init__()
        self._items: list[Any] = []
        self._before: list[Any] = []

    def add(self, event: Body) -> None:
        """Take the next event."""
        kind = as_text(event.get("type")).removeprefix("response.")
        if kind == "created" and self._items:
            self._before, self._items = as_list(self.reply()["output"]), []
        if kind in ENDINGS or kind in {"created", "in_progress", "queued"}:
            self.held = as_object(event.get("response"))
            self.finished = kind in ENDINGS
        elif kind in {"output_item.added", "output_item.done"}:
            held = at(self._items, event.get("output_index"))
            held |= as_object(event.get("item"))
        elif kind.endswith((".delta", ".added")):
            self._grow(kind, event)

    def _grow(self, kind: str, event: Body) -> None:
        """Add a delta to its item. Text deltas name a part of the item."""
        item = at(self._items, event.get("output_index"))
        what = kind.rpartition(".")[0]
        delta = event.get("delta")
        if what in {"output_text", "refusal", "reasoning_text", "reasoning_summary_text"}:
            into, place = ("summary", "summary_index") if "summary" in what else ("content", "content_index")
            part = at(items(item, into), event.get(place, 0))
            append(part, "refusal" if what == "refusal" else "text", delta)
            part.setdefault("type", "refusal" if what == "refusal" else "output_text")
            item.setdefault("type", "reasoning" if "reasoning" in what else "message")
        elif what == "output_text.annotation":
            items(at(items(item, "content"), event.get("content_index", 0)), "annotations").append(
                event.get("annotation")
            )
        elif kind.endswith("_command.delta"):
            append(at(items(inner(item, "action"), "commands"), event.get("command_index", 0)), "text", delta)
        elif path := FIELDS.get(what.rpartition("_")[2]):
            *above, last = path
            append(inner(item, above[0]) if above else item, last, delta)

    def reply(self) -> Body:
        """Return the response, with the streamed items if its last event left them out."""
        streamed = as_list(grown(self._items))
        said = as_list(self.held.get("output"))
        return {**self.held, "output": [*self._before, *(said if len(said) >= len(streamed) else streamed)]}


def said(body: Body) -> Said | None:
    """Read the error of a response that failed, or of an event."""
    if "output" in body and body.get("error"):
        return shared({"error": body["error"]})
    return None


FORMAT = Format(
    "OpenAI responses",
    is_request=is_request,
    request=request,
    is_reply=is_reply,
    reply=reply,
    is_event=lambda event: as_text(event.get("type")).startswith("response."),
    assembly=ResponsesAssembly,
    members=(
        "status",
        "completed_at",
        "incomplete_details",
        "instructions",
        "output",
        "billing",
        "tool_usage",
        "prompt_cache_diagnostics",
    ),
    echoes=(*PARAMETERS, "text", "parallel_tool_calls", "store", "top_logprobs", *PENALTIES),
    containers=("text",),
    usage=usage,
    flavors=("responses", "default"),
    said=said,
    ends=(b"event: response.completed", b"event: response.incomplete"),
)
