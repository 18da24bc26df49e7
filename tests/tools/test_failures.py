import json

import pytest

from cf_aig_gateway.local import faults
from cf_aig_gateway.local.faults import Fault
from cf_aig_tools.failures import MAX_WORDS, Failure, explain, from_status


def openai(message: str, kind: str = "invalid_request_error", code: str | None = None) -> dict[str, object]:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic(kind: str, message: str) -> dict[str, object]:
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy"}


def workers_ai(code: int, message: str) -> dict[str, object]:
    return {"errors": [{"message": message, "code": code}], "success": False, "result": {}, "messages": []}


def google(code: int, status: str, message: str) -> dict[str, object]:
    return {"error": {"code": code, "message": message, "status": status}}


def gateway(code: int, status: int, message: str) -> dict[str, object]:
    return json.loads(Fault(code, status, message).body())


LONG = "This model's maximum context length is 128000 tokens. However, your messages resulted in 131420 tokens."
FILTERED = "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."
QUOTA = "You exceeded your current quota, please check your plan and billing details."

CASES = [
    (401, "openai", openai("Incorrect API key provided: sk-inval***.", code="invalid_api_key"), "bad key"),
    (404, "openai", openai("The model `gpt-9` does not exist or you do not have access to it.", code="model_not_found"), "unknown model"),
    (404, "openai", openai("The model `gpt-4-0314` has been deprecated, learn more here: https://platform.openai.com/docs"), "unknown model"),
    (400, "openai", openai(LONG, code="context_length_exceeded"), "context too long"),
    (429, "openai", openai("Rate limit reached for gpt-4o on requests per min (RPM): Limit 3", "requests", "rate_limit_exceeded"), "rate limited by provider"),
    (429, "openai", openai(QUOTA, "insufficient_quota", "insufficient_quota"), "out of credit"),
    (503, "openai", openai("The server is currently overloaded with other requests.", "server_error"), "overloaded"),
    (500, "openai", openai("The server had an error while processing your request.", "server_error"), "provider down"),
    (400, "openai", openai("Missing required parameter: 'messages'.", code="missing_required_parameter"), "invalid request"),
    (403, "openai", openai("Country, region, or territory not supported", "request_forbidden", "unsupported_country_region_territory"), "no permission"),
    (400, "azure-openai", openai(FILTERED, "", "content_filter"), "content filtered"),
    (400, "openai", openai("Your request was rejected by our safety system.", code="content_policy_violation"), "content filtered"),
    (401, "anthropic", anthropic("authentication_error", "invalid x-api-key"), "bad key"),
    (403, "anthropic", anthropic("permission_error", "Your API key does not have permission to use the specified resource."), "no permission"),
    (404, "anthropic", anthropic("not_found_error", "model: claude-9"), "unknown model"),
    (400, "anthropic", anthropic("invalid_request_error", "prompt is too long: 209391 tokens > 200000 maximum"), "context too long"),
    (400, "anthropic", anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), "out of credit"),
    (400, "anthropic", anthropic("invalid_request_error", "max_tokens: Field required"), "invalid request"),
    (429, "anthropic", anthropic("rate_limit_error", "This request would exceed your organization's limit of 50 requests per minute."), "rate limited by provider"),
    (529, "anthropic", anthropic("overloaded_error", "Overloaded"), "overloaded"),
    (200, "anthropic", anthropic("overloaded_error", "Overloaded"), "overloaded"),
    (500, "anthropic", anthropic("api_error", "Internal server error"), "provider down"),
    (504, "anthropic", anthropic("timeout_error", "Request timed out"), "timeout"),
    (413, "anthropic", anthropic("request_too_large", "Request exceeds the maximum size"), "invalid request"),
    (401, "workers-ai", workers_ai(10000, "Authentication error"), "bad key"),
    (400, "workers-ai", workers_ai(5007, "No such model @cf/meta/llama-9 or task"), "unknown model"),
    (413, "workers-ai", workers_ai(5021, "AiError: The estimated number of input and maximum output tokens (9000) exceeded this model context window limit (8192)."), "context too long"),
    (429, "workers-ai", workers_ai(3036, "AiError: you have used up your daily free allocation of 10,000 neurons."), "rate limited by provider"),
    (429, "workers-ai", workers_ai(3040, "AiError: Capacity temporarily exceeded, please try again."), "overloaded"),
    (500, "workers-ai", workers_ai(3043, "AiError: Internal server error"), "provider down"),
    (400, "workers-ai", workers_ai(5006, "AiError: Bad input: Error: oneOf at '/' not met"), "invalid request"),
    (400, "google-ai-studio", google(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), "bad key"),
    (400, "google-ai-studio", [google(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.")], "bad key"),
    (404, "google-ai-studio", google(404, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta, or is not supported for generateContent."), "unknown model"),
    (400, "google-ai-studio", google(400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."), "context too long"),
    (429, "google-ai-studio", google(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota."), "rate limited by provider"),
    (403, "google-vertex-ai", google(403, "PERMISSION_DENIED", "Permission 'aiplatform.endpoints.predict' denied"), "no permission"),
    (503, "google-ai-studio", google(503, "UNAVAILABLE", "The model is overloaded. Please try again later."), "overloaded"),
    (504, "google-ai-studio", google(504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete."), "timeout"),
    (400, "mistral", {"object": "error", "message": "Invalid model: mistral-9", "type": "invalid_model", "code": "1500"}, "unknown model"),
    (401, "mistral", {"detail": "Unauthorized"}, "bad key"),
    (422, "mistral", {"detail": [{"loc": ["body", "messages"], "msg": "Field required"}]}, "invalid request"),
    (400, "mistral", {"message": "Prompt contains 40000 tokens, too large for model with 32768 maximum context length", "type": "invalid_request_prompt"}, "context too long"),
    (404, "groq", openai("The model `mixtral-8x7b-32768` has been decommissioned and is no longer supported."), "unknown model"),
    (402, "deepseek", openai("Insufficient Balance", "unknown_error"), "out of credit"),
    (502, "custom-proxy", "<html><head><title>502 Bad Gateway</title></head></html>", "provider down"),
    (524, "openai", "error code: 524", "timeout"),
    (401, "openai", gateway(2009, 401, "Unauthorized"), "bad key"),
    (429, "openai", gateway(2003, 429, "Rate limited"), "rate limited by gateway"),
    (429, "openai", gateway(2041, 429, "Spend limit exceeded"), "spend limit"),
    (429, "openai", gateway(2045, 429, "Spend limit exceeded: rule 'r1' (cost limit 1 per 3600s, fixed)"), "spend limit"),
    (424, "openai", gateway(2016, 424, "Prompt blocked due to security configurations"), "blocked by guardrails"),
    (424, "openai", gateway(2017, 424, "Response blocked due to security configurations"), "blocked by guardrails"),
    (424, "openai", gateway(2029, 424, "Request content blocked due to DLP policy violations"), "blocked by DLP"),
    (424, "openai", gateway(2030, 424, "Response content blocked due to DLP policy violations"), "blocked by DLP"),
    (402, "openai", gateway(2021, 402, "Insufficient wholesale credits"), "out of credit"),
    (400, "openai", gateway(2008, 400, "Invalid provider"), "invalid request"),
    (400, "openai", gateway(2001, 400, "Please configure AI Gateway in the Cloudflare dashboard"), "invalid request"),
    (502, "openai", gateway(2005, 502, "Failed to get response from provider: connection refused"), "provider down"),
    (502, "openai", gateway(2005, 502, "Failed to get response from provider: timed out after 1000 ms"), "timeout"),
    (502, "openai", gateway(2005, 502, "Failed to get response from provider: connection reset by peer"), "stream broken"),
    (404, "anthropic", workers_ai(7003, "Model not found"), "unknown model"),
    (400, "anthropic", workers_ai(7003, "messages: Required"), "invalid request"),
    (503, "openai", workers_ai(7013, "Guardrails scanner unavailable"), "blocked by guardrails"),
]  # fmt: skip


def words_of(body: object) -> str:
    """Return the sentence in a body of the table, however deep."""
    if isinstance(body, dict):
        found = [
            words_of(value) if isinstance(value, dict | list) else value
            for name, value in body.items()
            if name in {"error", "errors", "message", "msg", "detail"}
        ]
        return max((text for text in found if isinstance(text, str)), key=len, default="")
    return next((words_of(each) for each in body), "") if isinstance(body, list) else ""


@pytest.mark.parametrize(("status", "provider", "body", "kind"), CASES)
def test_a_failure_is_reported_with_its_class_and_its_own_words(status, provider, body, kind):
    failure = explain(status, body, provider)
    assert failure is not None
    assert failure.kind == kind
    assert failure.words == words_of(body)


@pytest.mark.parametrize(("status", "provider", "body", "kind"), CASES)
@pytest.mark.parametrize("layout", [{}, {"separators": (",", ":")}, {"indent": 2}])
def test_a_body_as_text_gives_the_same_result(status, provider, body, kind, layout):
    text = body if isinstance(body, str) else json.dumps(body, **layout)
    assert explain(status, text, provider) == explain(status, body, provider)


@pytest.mark.parametrize(
    ("status", "provider", "body", "kind"), [case for case in CASES if not isinstance(case[2], str)]
)
def test_a_body_cut_off_after_its_words_gives_the_same_result(status, provider, body, kind):
    text = json.dumps(body)
    failure = explain(status, text[:-2], provider)
    assert failure == Failure(kind, words_of(body))


def test_words_cut_in_the_middle_are_kept():
    failure = explain(400, '{"error": {"message": "This model\'s maximum context length is \\"128', "openai")
    assert failure == Failure("context too long", "This model's maximum context length is \"128")


def test_an_error_event_of_a_stream_is_recognized():
    event = 'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    assert explain(200, event, "anthropic") == Failure("overloaded", "Overloaded")


def test_a_stream_that_began_and_failed_broke_off():
    event = 'data: {"choices":[{"index":0,"delta":{"content":"the gateway keeps"}}]}\n\n'
    assert explain(502, event, "openai", 4100) == Failure(
        "stream broken", "", "The provider's stream broke off after 4.1 s."
    )
    assert explain(200, event, "openai") is None


@pytest.mark.parametrize(
    "body", [None, "", "{}", "[]", "[" * 100_000, {"id": "x", "choices": []}, {"error": None}, {"error": 5}, [[]], 3]
)
@pytest.mark.parametrize("status", [None, 200, 418])
def test_unrecognized_errors_are_not_guessed(status, body):
    assert explain(status, body, None) is None


def test_a_reply_about_errors_is_not_a_failure():
    body = {"choices": [{"message": {"content": "A rate limit means too many requests; a timeout is another matter."}}]}
    assert explain(200, body, "openai") is None
    assert explain(200, json.dumps(body), "openai") is None
    assert explain(200, json.dumps(body)[:-3], "openai") is None


def test_a_providers_code_is_not_taken_for_the_gateways():
    assert explain(400, workers_ai(2003, "something else"), "custom-mine") == Failure(
        "invalid request", "something else"
    )


def test_long_words_are_bounded():
    failure = explain(500, openai("word " * 1000, "server_error"), "openai")
    assert failure is not None
    assert len(failure.words) == MAX_WORDS


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (400, None, "bad request"), (401, None, "bad key"), (402, None, "out of credit"), (403, None, "forbidden"),
        (404, None, "not found"), (408, None, "timeout"), (504, None, "timeout"), (524, None, "timeout"),
        (413, None, "too large"), (422, None, "bad request"), (424, None, "blocked"), (429, None, "limit exceeded"),
        (500, None, "provider failed"), (502, None, "provider failed"), (503, None, "overloaded"), (529, None, "overloaded"),
        (200, None, ""), (None, None, ""), (418, None, ""), (600, None, ""), (429, 2003, "rate limited by gateway"),
        (429, 2045, "spend limit"), (424, 2016, "blocked by guardrails"), (424, 2029, "blocked by DLP"), (None, 2021, "out of credit"),
        (429, 9999, "limit exceeded"),
    ],
)  # fmt: skip
def test_status_and_code_alone_fill_a_cell(status, code, words):
    assert from_status(status, code) == words


def test_a_stream_about_errors_is_not_a_failure():
    event = 'data: {"choices":[{"index":0,"delta":{"tool_calls":[{"function":{"arguments":{"message":"Rate limit"}}}]}}]}\n\n'
    told = explain(502, event, "openai")

    assert told and (told.kind, told.words) == ("stream broken", "")


@pytest.mark.parametrize("status", [499, 501, *range(520, 528), 530])
def test_every_status_that_a_gateway_sets_itself_has_a_class(status: int):
    told = explain(status, "", "openai", 3200)

    assert (told and told.kind == from_status(status) != "provider failed") or status in {520, 527}


@pytest.mark.parametrize(
    "fault",
    [
        faults.gateway_missing(), faults.invalid_provider(), faults.model_not_found(), faults.invalid_request("x"),
        faults.unauthorized(), faults.rate_limited(), faults.not_emulated("x"), faults.store_failed("x"),
        faults.no_answer("no first byte within 9 ms", status=504), faults.too_large(),
    ],
    ids=lambda fault: f"{fault.code} {fault.status}",
)  # fmt: skip
def test_every_refusal_of_the_local_gateway_has_a_class(fault: Fault):
    told = explain(fault.status, json.loads(fault.body()), None)

    assert told and told.kind and told.words == str(fault)


@pytest.mark.parametrize(
    ("status", "error", "kind", "words"),
    [
        (403, {"message": "Access denied by policy"}, "refused by policy", "Access denied by policy"),
        (
            429,
            {"message": "Spending limit exceeded", "bucket": "team-red/daily", "spent": 1000.42, "limit": 1000},
            "spend limit",
            "Spending limit exceeded: team-red/daily, $1,000.42 spent of $1,000.00",
        ),
        (
            429,
            [{"code": 2045, "message": "Spend limit exceeded: rule 'r1' (cost limit 5 per 86400s, fixed) for openai gpt-4o"}],
            "spend limit",
            "Spend limit exceeded: rule 'r1' (cost limit 5 per 86400s, fixed) for openai gpt-4o",
        ),
        (400, {"message": "Provider credentials are required: this gateway is byok_only"}, "provider key required", ""),
    ],
)  # fmt: skip
def test_a_call_refused_by_a_policy_or_budget_is_not_called_rate_limited(status, error, kind, words):
    told = explain(status, {"success": False, "error": error}, "openai")

    assert told and told.kind == kind
    assert words in told.words
