"""OpenAI's error bodies: platform.openai.com/docs/guides/error-codes and the API's own replies."""

from collections.abc import Mapping
from typing import Any

from cf_aig_gateway import pricing
from cf_aig_gateway.local.providers.answers import Answer, json_answer
from cf_aig_gateway.local.providers.scenarios import (
    Question,
)
from cf_aig_gateway.local.providers.wire import Refused

DEFAULT_WINDOW = 128_000
RATE_HEADERS = {
    "retry-after": "20",
    "x-ratelimit-limit-requests": "3",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "20s",
}


def error(status: int, message: str, kind: str, *, param: str | None = None, code: str | None = None) -> Answer:
    """Return an error in OpenAI's form."""
    return json_answer(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})


def missing(name: str) -> Refused:
    """Return the error for a missing required field."""
    message = f"Missing required parameter: '{name}'."
    return Refused(error(400, message, "invalid_request_error", param=name, code="missing_required_parameter"))


def wrong_type(name: str, wanted: str) -> Refused:
    """Return the error for a field of the wrong type."""
    message = f"Invalid type for '{name}': expected {wanted}."
    return Refused(error(400, message, "invalid_request_error", param=name, code="invalid_type"))


def wrong_value(name: str, message: str) -> Refused:
    """Return the error for a field with an invalid value."""
    return Refused(error(400, message, "invalid_request_error", param=name, code="invalid_value"))


def not_json() -> Refused:
    """Return the error for a body that isn't a JSON object."""
    message = (
        "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
        "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
    )
    return Refused(error(400, message, "invalid_request_error"))


def require(content: Mapping[str, Any], *names: str) -> None:
    """Refuse a body that lacks one of the fields, as OpenAI does.

    Raises:
        Refused: the body isn't JSON, or a field is empty.

    """
    if not content:
        raise not_json()
    for name in names:
        if not content.get(name):
            raise missing(name)


def refusal(failure: str, question: Question) -> Answer:
    """Return OpenAI's body for a failure."""
    if failure == "rate_limited":
        answer = _error(failure, question)
        return Answer(answer.status, answer.chunks, {**answer.headers, **RATE_HEADERS})
    return _error(failure, question)


def _error(failure: str, question: Question) -> Answer:
    model, invalid = question.model, "invalid_request_error"
    match failure:
        case "bad_key":
            message = (
                f"Incorrect API key provided: {masked(question.key)}. You can find your API key at "
                "https://platform.openai.com/account/api-keys."
            )
            return error(401, message, invalid, code="invalid_api_key")
        case "unknown_model":
            message = f"The model `{model}` does not exist or you do not have access to it."
            return error(404, message, invalid, code="model_not_found")
        case "context_too_long":
            window = pricing.context_window(question.provider, model) or DEFAULT_WINDOW
            sent = max(question.prompt_tokens, window + 1)
            message = (
                f"This model's maximum context length is {window} tokens. However, your messages resulted in {sent} "
                "tokens. Please reduce the length of the messages."
            )
            return error(400, message, invalid, param="messages", code="context_length_exceeded")
        case "rate_limited":
            message = (
                f"Rate limit reached for {model} in organization org-simulated on requests per min (RPM): Limit 3, "
                "Used 3, Requested 1. Please try again in 20s. Visit https://platform.openai.com/account/rate-limits "
                "to learn more."
            )
            return error(429, message, "requests", code="rate_limit_exceeded")
        case "overloaded":
            message = (
                "The server is currently overloaded with other requests. Sorry about that! Please retry your request."
            )
            return error(503, message, "server_error", code="overloaded")
        case _:
            message = "The server had an error while processing your request. Sorry about that!"
            return error(500, message, "server_error")


def masked(key: str) -> str:
    """Return a key as OpenAI repeats it: only its ends."""
    return f"{key[:8]}{'*' * 8}{key[-4:]}" if len(key) > 16 else "*" * 8
