"""OpenAI's embeddings, simulated: platform.openai.com/docs/api-reference/embeddings."""

import base64
import random
from array import array
from collections.abc import Iterator
from typing import Any

from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.providers import openai_errors
from cf_aig_gateway.local.providers.answers import Answer
from cf_aig_gateway.local.providers.replies import Reply
from cf_aig_gateway.local.providers.scenarios import Question
from cf_aig_gateway.local.providers.wire import as_whole_number, bearer
from cf_aig_gateway.shapes import as_list

DIMENSIONS = {"text-embedding-3-large": 3072}
DEFAULT_DIMENSIONS = 1536
MAX_DIMENSIONS = 3072
MAX_INPUTS = 2048


def read(call: Call) -> Question:
    """Return the question: texts, or tokens."""
    content = call.content
    openai_errors.require({**content, "model": call.model} if content else content, "model", "input")
    texts = inputs(content["input"])
    if len(texts) > MAX_INPUTS:
        raise openai_errors.wrong_value("input", f"Input cannot be an array longer than {MAX_INPUTS} elements.")
    return Question(
        provider=call.provider,
        model=call.model,
        messages=[],
        prompt="\n".join(texts),
        last_words=texts[-1],
        key=bearer(call),
        content=content,
    )


def inputs(value: Any) -> list[str]:
    """Return the inputs as texts: one text, several, one row of tokens, or several."""
    rows = as_list(value)
    if not rows or isinstance(rows[0], int):
        return [value if isinstance(value, str) else str(value)]
    return [str(row) for row in rows]


def refusal(failure: str, question: Question) -> Answer:
    """Return OpenAI's body for a failure."""
    return openai_errors.refusal(failure, question)


def whole(question: Question, reply: Reply) -> dict[str, Any]:
    """Return the list of vectors, as numbers or in base64."""
    asked = as_whole_number(question.content.get("dimensions"))
    size = min(asked or DIMENSIONS.get(question.model, DEFAULT_DIMENSIONS), MAX_DIMENSIONS)
    vectors = [vector(text, size) for text in inputs(question.content["input"])]
    encoded = question.content.get("encoding_format") == "base64"
    held = [_base64(values) if encoded else values for values in vectors]
    return {
        "object": "list",
        "data": [{"object": "embedding", "index": index, "embedding": values} for index, values in enumerate(held)],
        "model": question.model,
        "usage": {"prompt_tokens": reply.tokens_in, "total_tokens": reply.tokens_in},
    }


def events(question: Question, reply: Reply) -> Iterator[bytes]:  # noqa: ARG001 (one signature)
    """Yield nothing: embeddings do not stream."""
    yield from ()


def vector(text: str, size: int) -> list[float]:
    """Return a vector of length 1, the same for the same text."""
    source = random.Random(text)  # noqa: S311 (not used for secrets)
    values = [source.uniform(-1, 1) for _ in range(size)]
    length = sum(value * value for value in values) ** 0.5
    return [value / length for value in values]


def _base64(values: list[float]) -> str:
    """Return numbers as OpenAI packs them: 32-bit floats, little-endian."""
    return base64.b64encode(array("f", values).tobytes()).decode()
