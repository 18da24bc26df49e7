"""Embeddings of OpenAI, Cohere, Gemini, Vertex, Bedrock and Workers AI (texts in, vectors out), and reranking."""

from collections import Counter
from typing import Any

from cf_aig_gateway.formats.content import Gap, as_json, measured, numbers_cut, parameters
from cf_aig_gateway.formats.conversation import Conversation, Turn
from cf_aig_gateway.formats.format import Body, Format
from cf_aig_gateway.formats.usage import Usage, count, first, total
from cf_aig_gateway.shapes import as_list, as_object, as_text

PARAMETERS = (
    "dimensions",
    "encoding_format",
    "input_type",
    "embedding_types",
    "task_type",
    "top_n",
    "outputDimensionality",
)
TEXTS = ("input", "texts", "text", "content", "requests", "instances", "documents", "inputs")
"""Members in which providers take the texts to embed or rank."""


def is_request(body: Body) -> bool:
    """Recognize a request: texts, and nothing of a chat."""
    given = body.get("input")
    texts = as_list(given)
    named = "embed" in as_text(body.get("model")) or {"encoding_format", "dimensions"} & body.keys()
    if isinstance(given, str | list) and "model" in body:
        return bool(named) or (bool(texts) and all(isinstance(text, str) for text in texts))
    others = "query" in body and "documents" in body, isinstance(body.get("texts"), list), "instances" in body
    asks = any("content" in as_object(each) for each in as_list(body.get("requests"))[:1])
    return any(others) or asks or "parts" in as_object(body.get("content")) or _is_workers_ais(body)


def _is_workers_ais(body: Body) -> bool:
    return body.keys() <= {"text", "pooling"} and isinstance(body.get("text"), str | list)


def request(body: Body, gap: Gap) -> Conversation:
    """Read a request: each text as a turn."""
    name = next(name for name in TEXTS if name in body)
    given = as_list(body[name]) or [body[name]]
    turns = [
        Turn("input", _text(text), f"/{name}/{number}") for number, text in enumerate(given) if not _is_token(text, gap)
    ]
    if query := as_text(body.get("query")):
        turns.insert(0, Turn("query", query, "/query"))
    kind = "Rerank" if "query" in body else "Embeddings"
    return Conversation(kind, as_text(body.get("model")), parameters(body, PARAMETERS), turns=tuple(turns))


def _is_token(text: Any, gap: Gap) -> bool:
    """Whether it is a token number, or a list of them."""
    if isinstance(text, list):
        return all(_is_token(each, gap) or not as_text(each) for each in as_list(text))
    return isinstance(text, int | float) or bool(numbers_cut(text, gap))


def _text(given: Any) -> str:
    held = as_object(given)
    content = as_object(held.get("content")) or held
    parts = [as_text(as_object(part).get("text")) for part in as_list(content.get("parts"))]
    said = as_text(given) or "\n".join(parts) or as_text(held.get("text")) or as_text(held.get("content"))
    return said or as_json(given)


def is_reply(body: Body) -> bool:
    """Recognize vectors, wherever a provider puts them, or ranks."""
    return bool(_vectors(body) or _ranks(body))


def reply(body: Body, gap: Gap) -> Conversation:
    """Say how many vectors there are, or how the documents rank."""
    model = as_text(body.get("model"))
    if ranks := _ranks(body):
        told = (
            f"{rank.get('index')}: {first_number(rank, 'relevance_score', 'relevanceScore', 'score')}" for rank in ranks
        )
        return Conversation("Rerank", model, turns=(Turn("ranks", ", ".join(told), "/results"),))
    sizes = Counter(_numbers(vector, gap) for vector in _vectors(body))
    shape = ", ".join(f"{number} vectors of {length} numbers" for length, number in sizes.items())
    return Conversation("Embeddings", model, turns=(Turn("embedding", shape, _place(body)),))


def _place(body: Body) -> str:
    return next((f"/{name}" for name in ("data", "embeddings", "embedding", "predictions") if name in body), "")


def _vectors(body: Body) -> list[Any]:
    if isinstance(body.get("data"), list):
        return _of_data(body)
    if "embedding" in body:
        return [as_object(body["embedding"]).get("values", body["embedding"])]
    if isinstance(body.get("predictions"), list):
        found = [as_object(each).get("embeddings") for each in as_list(body["predictions"])]
        return [as_object(each).get("values") for each in found if isinstance(each, dict)]
    held = body.get("embeddings")
    if isinstance(held, dict):
        return [vector for vectors in as_object(held).values() for vector in as_list(vectors)]
    return [as_object(each).get("values", each) for each in as_list(held)]


def _of_data(body: Body) -> list[Any]:
    rows = as_list(body["data"])
    first_row = next(iter(rows), None)
    if "embedding" in as_object(first_row):
        return [as_object(row).get("embedding") for row in rows]
    return rows if as_list(first_row) and "shape" in body else []


def _ranks(body: Body) -> list[Body]:
    found = [as_object(rank) for rank in as_list(body.get("results"))]
    scored = found and {"relevance_score", "relevanceScore"} & found[0].keys()
    return found if scored and "index" in found[0] else []


def first_number(held: Body, *names: str) -> Any:
    """Return the first member that is a number."""
    return next((held[name] for name in names if isinstance(held.get(name), int | float)), "")


def _numbers(vector: Any, gap: Gap) -> int:
    """Return how many numbers a vector has: a list, or base64 with four bytes per number."""
    if isinstance(vector, str):
        return measured(vector, gap) * 3 // 16
    return sum(numbers_cut(each, gap) or 1 for each in as_list(vector))


def usage(body: Body) -> Usage:
    """Read the input tokens; there are no output tokens."""
    held = as_object(body.get("usage")) or as_object(as_object(body.get("meta")).get("billed_units"))
    tokens_in = first(held, "prompt_tokens", "input_tokens", "total_tokens")
    stated = [as_object(as_object(each).get("embeddings")) for each in as_list(body.get("predictions"))]
    counted = total(*(count(as_object(each.get("statistics")).get("token_count")) for each in stated))
    found = next(
        (each for each in (tokens_in, counted, count(body.get("inputTextTokenCount"))) if each is not None), None
    )
    return Usage(found, None if found is None else first(held, "completion_tokens", "output_tokens") or 0)


FORMAT = Format(
    "Embeddings",
    is_request=is_request,
    request=request,
    is_reply=is_reply,
    reply=reply,
    members=("meta", "response_type", "data", "embeddings", "embedding", "results", "texts", "object"),
    usage=usage,
    flavors=("embeddings", "default"),
)
