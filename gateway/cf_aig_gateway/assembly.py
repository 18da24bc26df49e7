"""Puts the events of a stream together into the reply that would have come whole."""

import json
from typing import Any

from cf_aig_gateway.shapes import as_list, as_object, as_text

_CHAT_TEXTS = {"content", "refusal", "reasoning_content"}


class Assembly:
    """The reply of one stream as it grows; of each provider, the part that differs is a method."""

    def __init__(self) -> None:
        self.error: Any = None
        self.finished = False
        self.expects_done = False
        self._reply: dict[str, Any] = {}
        self._texts: dict[tuple[Any, ...], list[str]] = {}
        self._parts: dict[Any, dict[str, Any]] = {}

    def add(self, event: dict[str, Any]) -> None:
        """Take the next event."""
        kind = as_text(event.get("type"))
        if kind == "error" or (event.get("error") and "choices" not in event and not kind):
            self.error = event.get("error") or event
        elif "choices" in event:
            self._chat(event)
        elif kind.startswith("response."):
            self._responses(kind.removeprefix("response."), event)
        elif kind:
            self._anthropic(kind, event)
        elif "candidates" in event:
            self._gemini(event)
        elif "response" in event or "tool_calls" in event:
            self._workers_ai(event)
        elif "usage" in event:
            self._reply["usage"] = event["usage"]

    def reply(self) -> dict[str, Any]:
        """Return what arrived, in the form of a reply that came whole."""
        for (key, *path), texts in self._texts.items():
            _put(self._parts[key], path, "".join(texts))
        return self._reply

    def _write(self, key: Any, path: list[str], text: Any) -> None:
        if isinstance(text, str):
            self._texts.setdefault((key, *path), []).append(text)

    def _part(self, key: Any, into: str, new: dict[str, Any]) -> dict[str, Any]:
        """Return the part that goes by that key, made and listed in the reply when it is new."""
        if key not in self._parts:
            self._parts[key] = new
            self._reply.setdefault(into, []).append(new)
        return self._parts[key]

    def _chat(self, event: dict[str, Any]) -> None:
        self.expects_done = True
        self._reply.setdefault("choices", [])
        self._reply.setdefault("model", event.get("model"))
        if event.get("usage"):
            self._reply["usage"] = event["usage"]
        for choice in map(as_object, as_list(event["choices"])):
            self._choice(choice)

    def _choice(self, choice: dict[str, Any]) -> None:
        key = choice.get("index", 0)
        held = self._parts.get(key) or self._part(key, "choices", {"index": key, "message": {"role": "assistant"}})
        delta = as_object(choice.get("delta"))
        for name in _CHAT_TEXTS & delta.keys():
            self._write(key, ["message", name], delta[name])
        if "text" in choice:
            self._write(key, ["message", "content"], choice["text"])
        if "tool_calls" in delta:
            for call in map(as_object, as_list(delta["tool_calls"])):
                self._tool_call(key, held["message"], call)
        if choice.get("finish_reason"):
            held["finish_reason"] = choice["finish_reason"]
            self.finished = True

    def _tool_call(self, choice: Any, message: dict[str, Any], call: dict[str, Any]) -> None:
        key = (choice, call.get("index", 0))
        if key not in self._parts:
            self._parts[key] = {"id": call.get("id"), "function": {"arguments": ""}}
            message.setdefault("tool_calls", []).append(self._parts[key])
        function = as_object(call.get("function"))
        if function.get("name"):
            self._parts[key]["function"]["name"] = function["name"]
        self._write(key, ["function", "arguments"], function.get("arguments"))

    def _anthropic(self, kind: str, event: dict[str, Any]) -> None:
        if kind == "message_start":
            self._reply = {**as_object(event.get("message")), "content": []}
        elif kind == "content_block_start":
            self._part(event.get("index"), "content", dict(as_object(event.get("content_block"))))
        elif kind == "content_block_delta":
            self._anthropic_delta(event.get("index"), as_object(event.get("delta")))
        elif kind == "content_block_stop":
            self._read_input(event.get("index"))
        elif kind == "message_delta":
            self._reply["stop_reason"] = as_object(event.get("delta")).get("stop_reason")
            self._reply["usage"] = as_object(self._reply.get("usage")) | as_object(event.get("usage"))
        elif kind == "message_stop":
            self.finished = True

    def _anthropic_delta(self, key: Any, delta: dict[str, Any]) -> None:
        self._part(key, "content", {"type": "text", "text": ""})
        for name, into in (("text", "text"), ("thinking", "thinking"), ("partial_json", "input")):
            self._write(key, [into], delta.get(name))

    def _read_input(self, key: Any) -> None:
        """Write the fragments of a call's arguments as the object that a whole reply has."""
        try:
            arguments = json.loads("".join(self._texts.get((key, "input"), [])))
        except (ValueError, RecursionError):
            return
        del self._texts[key, "input"]
        self._parts[key]["input"] = arguments

    def _responses(self, kind: str, event: dict[str, Any]) -> None:
        if kind in {"completed", "failed", "incomplete"}:
            self.finished = True
            self._texts.clear()
            self._reply = as_object(event.get("response"))
        elif kind in {"created", "in_progress"}:
            self._reply = {**as_object(event.get("response")), "output": as_list(self._reply.get("output"))}
        elif kind == "output_item.added":
            self._part(event.get("output_index"), "output", dict(as_object(event.get("item"))))
        elif kind.endswith(".delta"):
            self._responses_delta(kind, event)

    def _responses_delta(self, kind: str, event: dict[str, Any]) -> None:
        item = event.get("output_index")
        held = self._part(item, "output", {"type": "message", "role": "assistant"})
        if kind.endswith("arguments.delta"):
            self._write(item, ["arguments"], event.get("delta"))
        elif kind.endswith("input.delta"):
            self._write(item, ["input"], event.get("delta"))
        elif kind in {"output_text.delta", "refusal.delta"}:
            self._responses_text(item, held, event)

    def _responses_text(self, item: Any, held: dict[str, Any], event: dict[str, Any]) -> None:
        key = (item, event.get("content_index"))
        if key not in self._parts:
            self._parts[key] = {"type": "output_text"}
            held.setdefault("content", []).append(self._parts[key])
        self._write(key, ["text"], event.get("delta"))

    def _gemini(self, event: dict[str, Any]) -> None:
        self._reply.setdefault("candidates", [])
        self._reply |= {name: event[name] for name in ("modelVersion", "usageMetadata") if name in event}
        for candidate in map(as_object, as_list(event["candidates"])):
            key = candidate.get("index", 0)
            held = self._part(key, "candidates", {"content": {"role": "model", "parts": []}})
            for part in as_list(as_object(candidate.get("content")).get("parts")):
                self._gemini_part(held["content"]["parts"], as_object(part))
            if candidate.get("finishReason"):
                held["finishReason"] = candidate["finishReason"]
                self.finished = True

    def _gemini_part(self, parts: list[Any], part: dict[str, Any]) -> None:
        if parts and "text" in parts[-1] and "text" in part:
            parts[-1]["text"] += as_text(part["text"])
        else:
            parts.append(dict(part))

    def _workers_ai(self, event: dict[str, Any]) -> None:
        self.expects_done = True
        self._reply.setdefault("response", None)
        self._parts[""] = self._reply
        self._write("", ["response"], event.get("response"))
        for name in ("usage", "tool_calls"):
            if event.get(name):
                self._reply[name] = event[name]


def _put(part: dict[str, Any], path: list[str], text: str) -> None:
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = text
