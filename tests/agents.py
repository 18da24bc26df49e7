"""Simulated agents whose calls go into a store: loops, forks, sub-agents, compactions, in several wire formats."""

import itertools
import json
from dataclasses import dataclass, field
from typing import Any

from logs import a_log

from cf_aig_gateway.local.record import Record

Tool = tuple[str, dict[str, Any]]
"""A tool's name and its arguments."""

_numbers = itertools.count(1)


@dataclass
class Agent:
    """Keeps a history and logs each call with the whole history, as clients do. `at` is minutes after noon."""

    form: str = "openai"
    at: float = 0.0
    system: str = "You are a coding agent."
    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    history: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    records: list[Record] = field(default_factory=list[Record])
    follows: str = ""

    def ask(self, text: str) -> "Agent":
        """Say something as the user."""
        self.history.append({"role": "user", "text": text})
        return self

    def call(self, text: str = "", *tools: Tool, results: tuple[str, ...] = (), **changes: Any) -> str:
        """Log one call with this answer, and return its log's id. The results go into the next request."""
        number = next(_numbers)
        reply = {
            "role": "assistant",
            "text": text,
            "calls": [(f"call_{number}_{at}", *tool) for at, tool in enumerate(tools)],
        }
        request = FORMS[self.form][0](self) | self.body
        size = len(json.dumps(request)) // 4
        values: dict[str, Any] = {
            "model": MODELS[self.form],
            "request": json.dumps(request).encode(),
            "response": json.dumps(FORMS[self.form][1](reply, number)).encode(),
            "tokens_in": size,
            "tokens_out": 20,
            "duration": 2000,
            "cost": size / 1e6,
            "path": "v1/messages"
            if self.form == "anthropic"
            else "v1/responses"
            if self.form in {"responses", "chain"}
            else "v1/chat",
        }
        record = a_log(number, minutes=self.at, **values | self.fields | changes)
        self.records.append(record)
        self.at += 0.1
        if record.success:
            self.history.append(reply)
            self.history += [
                {"role": "tool", "id": made[0], "text": result}
                for made, result in zip(reply["calls"], results, strict=False)
            ]
            if self.form == "chain":
                self.follows = f"resp_{number:08x}"
                self.history = self.history[-len(results) :] if results else []
        return record.id

    def fork(self, **changes: Any) -> "Agent":
        """Return an agent with the same history so far."""
        held = vars(self) | {"history": list(self.history), "records": self.records} | changes
        return Agent(**held)


def _openai_request(agent: Agent) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "content": agent.system}]
    for said in agent.history:
        if said["role"] == "tool":
            messages.append({"role": "tool", "tool_call_id": said["id"], "content": said["text"]})
        elif calls := said.get("calls"):
            made = [
                {"id": id_, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
                for id_, name, arguments in calls
            ]
            messages.append({"role": "assistant", "content": said["text"] or None, "tool_calls": made})
        else:
            messages.append({"role": said["role"], "content": said["text"]})
    return {"model": "gpt-4o", "messages": messages}


def _openai_reply(reply: dict[str, Any], number: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply["text"] or None}
    if reply["calls"]:
        message["tool_calls"] = [
            {"id": id_, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
            for id_, name, arguments in reply["calls"]
        ]
    finish = "tool_calls" if reply["calls"] else "stop"
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }


def _anthropic_request(agent: Agent) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for at, said in enumerate(agent.history):
        if said["role"] == "tool":
            part = {"type": "tool_result", "tool_use_id": said["id"], "content": said["text"]}
            if messages[-1]["role"] == "user":
                messages[-1]["content"].append(part)
            else:
                messages.append({"role": "user", "content": [part]})
        else:
            mark = {"cache_control": {"type": "ephemeral"}} if at == len(agent.history) - 1 else {}
            parts = [{"type": "text", "text": said["text"], **mark}] if said["text"] else []
            parts += [
                {"type": "tool_use", "id": id_, "name": name, "input": arguments}
                for id_, name, arguments in said.get("calls", ())
            ]
            messages.append({"role": said["role"], "content": parts})
    return {"model": "claude-sonnet-4-5", "max_tokens": 4096, "system": agent.system, "messages": messages}


def _anthropic_reply(reply: dict[str, Any], number: int) -> dict[str, Any]:
    parts = [{"type": "text", "text": reply["text"]}] if reply["text"] else []
    parts += [
        {"type": "tool_use", "id": id_, "name": name, "input": arguments} for id_, name, arguments in reply["calls"]
    ]
    finish = "tool_use" if reply["calls"] else "end_turn"
    return {"id": f"msg_{number}", "type": "message", "role": "assistant", "content": parts, "stop_reason": finish}


def _responses_request(agent: Agent) -> dict[str, Any]:
    items: list[dict[str, Any]] = []
    for said in agent.history:
        if said["role"] == "tool":
            items.append({"type": "function_call_output", "call_id": said["id"], "output": said["text"]})
            continue
        kind = "input_text" if said["role"] == "user" else "output_text"
        if said["text"]:
            items.append({"type": "message", "role": said["role"], "content": [{"type": kind, "text": said["text"]}]})
        items += [
            {"type": "function_call", "call_id": id_, "name": name, "arguments": json.dumps(arguments)}
            for id_, name, arguments in said.get("calls", ())
        ]
    chain = {"previous_response_id": agent.follows} if agent.follows else {}
    return {"model": "gpt-5", "instructions": agent.system, "input": items, **chain}


def _responses_reply(reply: dict[str, Any], number: int) -> dict[str, Any]:
    output: list[dict[str, Any]] = []
    if reply["text"]:
        part = {"type": "output_text", "text": reply["text"], "annotations": []}
        output.append({"type": "message", "role": "assistant", "status": "completed", "content": [part]})
    output += [
        {"type": "function_call", "call_id": id_, "name": name, "arguments": json.dumps(arguments)}
        for id_, name, arguments in reply["calls"]
    ]
    return {"id": f"resp_{number:08x}", "object": "response", "status": "completed", "output": output}


def _gemini_request(agent: Agent) -> dict[str, Any]:
    contents: list[dict[str, Any]] = []
    names = {id_: name for said in agent.history for id_, name, _ in said.get("calls", ())}
    for said in agent.history:
        if said["role"] == "tool":
            answer = {"name": names[said["id"]], "response": {"output": said["text"]}}
            contents.append({"role": "user", "parts": [{"functionResponse": answer}]})
        else:
            role = "model" if said["role"] == "assistant" else "user"
            contents.append({"role": role, "parts": _gemini_parts(said)})
    return {"systemInstruction": {"parts": [{"text": agent.system}]}, "contents": contents}


def _gemini_parts(said: dict[str, Any]) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": said["text"]}] if said["text"] else []
    return parts + [{"functionCall": {"name": name, "args": told}} for _, name, told in said.get("calls", ())]


def _gemini_reply(reply: dict[str, Any], number: int) -> dict[str, Any]:
    content = {"role": "model", "parts": _gemini_parts(reply)}
    return {"candidates": [{"content": content, "finishReason": "STOP"}], "responseId": f"r{number}"}


MODELS = {
    "gemini": "google-ai-studio/gemini-2.5-flash",
    "openai": "openai/gpt-4o",
    "anthropic": "anthropic/claude-sonnet-4-5",
    "responses": "openai/gpt-5",
    "chain": "openai/gpt-5",
}
FORMS: dict[str, tuple[Any, Any]] = {
    "gemini": (_gemini_request, _gemini_reply),
    "openai": (_openai_request, _openai_reply),
    "anthropic": (_anthropic_request, _anthropic_reply),
    "responses": (_responses_request, _responses_reply),
    "chain": (_responses_request, _responses_reply),
}
