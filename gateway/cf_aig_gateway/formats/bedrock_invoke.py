"""Bedrock invoke bodies that aren't chats: Titan's, Llama's, and similar ones.

docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html. Anthropic's are in the module for Anthropic's
messages.
"""

from cf_aig_gateway.formats.content import Gap, parameters
from cf_aig_gateway.formats.conversation import Conversation, Turn
from cf_aig_gateway.formats.format import Assembly, Body, Format
from cf_aig_gateway.formats.growth import append
from cf_aig_gateway.formats.usage import Usage, first, total
from cf_aig_gateway.shapes import as_list, as_object, as_text

PARAMETERS = (
    "max_gen_len", "maxTokenCount", "max_tokens", "temperature", "top_p", "topP", "stopSequences", "stop",
)  # fmt: skip
ENDS = ("stop_reason", "completionReason", "finish_reason")


def is_request(body: Body) -> bool:
    """Recognize a prompt in Titan's or Llama's own format."""
    own = {"max_gen_len", "textGenerationConfig"} & body.keys()
    return "inputText" in body or ("prompt" in body and bool(own))


def request(body: Body, _: Gap) -> Conversation:
    """Read a prompt. Its model is in its path."""
    name = "inputText" if "inputText" in body else "prompt"
    given = body | as_object(body.get("textGenerationConfig"))
    turn = Turn("user", as_text(body.get(name)), f"/{name}")
    return Conversation("Bedrock invoke", "", parameters(given, PARAMETERS), turns=(turn,))


def is_reply(body: Body) -> bool:
    """Recognize a generation."""
    first_result = as_object(next(iter(as_list(body.get("results")) or as_list(body.get("outputs"))), None))
    return isinstance(body.get("generation"), str) or bool({"outputText", "text"} & first_result.keys())


def reply(body: Body, _: Gap) -> Conversation:
    """Read a generation."""
    listed = "results" if "results" in body else "outputs"
    results = [body] if "generation" in body else [as_object(result) for result in as_list(body.get(listed))]
    turns = tuple(
        Turn("assistant", _text(result), "/generation" if result is body else f"/{listed}/{number}")
        for number, result in enumerate(results)
    )
    finish = (as_text(result.get(name)) for result in results for name in ENDS)
    return Conversation("Bedrock invoke", turns=turns, finish=", ".join(filter(None, finish)))


def _text(result: Body) -> str:
    return next(filter(None, (as_text(result.get(name)) for name in ("generation", "outputText", "text"))), "")


def usage(body: Body) -> Usage:
    """Read the counts beside a generation, and those that Bedrock adds to the last event of a stream."""
    metrics = as_object(body.get("amazon-bedrock-invocationMetrics"))
    results = [as_object(result) for result in as_list(body.get("results"))]
    tokens_out = first(body, "generation_token_count") or total(*(first(result, "tokenCount") for result in results))
    tokens_in = first(body, "prompt_token_count", "inputTextTokenCount")
    return Usage(
        first(metrics, "inputTokenCount") if tokens_in is None else tokens_in,
        first(metrics, "outputTokenCount") if tokens_out is None else tokens_out,
    )


class InvokeAssembly(Assembly):
    """A generation from its chunks."""

    def add(self, event: Body) -> None:
        """Take the next chunk."""
        for name, value in event.items():
            if name in {"generation", "outputText"}:
                append(self.held, "generation", value)
            elif value is not None:
                self.held[name] = value
        self.finished = self.finished or any(event.get(name) for name in ENDS)


FORMAT = Format(
    "Bedrock invoke",
    is_request=is_request,
    request=request,
    is_reply=is_reply,
    reply=reply,
    is_event=lambda event: bool({"generation", "outputText"} & event.keys()),
    assembly=InvokeAssembly,
    members=("results", "outputs", "generation_token_count", "prompt_token_count", "stop_reason"),
    containers=("textGenerationConfig",),
    usage=usage,
)
