"""Llama Guard on Workers AI, simulated: a text is safe unless it contains a directive, `[simulate: unsafe=S1]`."""

import re

from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.providers import workers_ai
from cf_aig_gateway.local.providers.answers import Answer, json_answer
from cf_aig_gateway.local.providers.wire import Refused
from cf_aig_gateway.local.usage import count_tokens

UNSAFE = re.compile(r"\[simulate: *unsafe=(S\d{1,2}|P1)\]")


def answer(call: Call) -> Answer:
    """Return `safe`, or `unsafe` followed by a line with the hazard categories, as the model writes them."""
    try:
        question = workers_ai.read(call)
    except Refused as refused:
        return refused.answer
    found = list(dict.fromkeys(UNSAFE.findall(question.prompt)))
    said = f"unsafe\n{','.join(found)}" if found else "safe"
    tokens_in, tokens_out = question.prompt_tokens, count_tokens(said)
    usage = {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}
    result = {"response": said, "usage": usage}
    return json_answer(200, {"result": result, "success": True, "errors": [], "messages": []})
