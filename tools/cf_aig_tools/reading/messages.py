"""Messages in any provider's form, as turns."""

from collections.abc import Iterable
from typing import Any

from cf_aig_gateway.shapes import as_list, as_object, as_text
from cf_aig_tools.reading.content import Content, Measure
from cf_aig_tools.reading.conversation import Turn

_ITEM_ROLES = {
    "function_call": "assistant",
    "custom_tool_call": "assistant",
    "reasoning": "assistant",
    "function_call_output": "tool",
    "custom_tool_call_output": "tool",
}
"""Who speaks in an item of OpenAI's responses that names no role."""


def system(instructions: Any, gap: Measure, pointer: str) -> Iterable[Turn]:
    """Return the turn of a system prompt that stands beside the messages, if there is one."""
    if instructions:
        held = as_object(instructions)
        yield _turn("system", held.get("parts", instructions), gap, pointer)


def messages(held: Any, gap: Measure, pointer: str) -> Iterable[Turn]:
    """Return a turn for each message of a list, or for a text that stands for one."""
    if isinstance(held, str):
        yield _turn("user", held, gap, pointer)
    for number, item in enumerate(as_list(held)):
        yield message(item, gap, f"{pointer}/{number}")


def message(item: Any, gap: Measure, pointer: str, role: str = "") -> Turn:
    """Return one message as a turn; `role` is who speaks when it does not say."""
    held = as_object(item)
    if len(held) == 2 and isinstance(held.get("content"), str) and isinstance(held.get("role"), str):
        return Turn(held["role"], held["content"], pointer)
    kind = as_text(held.get("type"))
    role = as_text(held.get("role")) or role or _ITEM_ROLES.get(kind, kind)
    if id_ := held.get("tool_call_id"):
        return _turn(role, {"type": "tool_result", "tool_use_id": id_, "content": held.get("content")}, gap, pointer)
    if kind and "content" not in held:
        return _turn(role, item, gap, pointer)
    content = Content(gap)
    content.add_named("thinking", held.get("reasoning_content"))
    content.add(held.get("content", held.get("parts")))
    content.add_named("refusal", held.get("refusal"))
    content.add_tool_calls(held.get("tool_calls"))
    return content.turn(role, pointer)


def _turn(role: str, held: Any, gap: Measure, pointer: str) -> Turn:
    content = Content(gap)
    content.add(held)
    return content.turn(role, pointer)
