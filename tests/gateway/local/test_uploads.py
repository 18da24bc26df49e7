"""Bodies that aren't JSON: passed on byte for byte, logged by kind and size. Also paths, however encoded."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from plane import plane
from serving import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.providers.live import Live, url_of
from cf_aig_gateway.local.uploads import note

FORM = (
    b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\nContent-Type: audio/mpeg\r\n\r\n'
    + b"\x00\xff" * 5000
    + b"\r\n--b--\r\n"
)
SEEN: list[tuple[str, bytes, dict[str, str]]] = []


async def _echo(request: Request) -> Response:
    raw = request.scope["raw_path"].decode() + "?" + request.scope["query_string"].decode()
    SEEN.append((raw, await request.body(), dict(request.headers)))
    if "speech" in raw:
        return Response(b"\x00ID3" * 1000, media_type="audio/mpeg")
    return Response(json.dumps({"text": "Hello."}), media_type="application/json")


def provider() -> Starlette:
    SEEN.clear()
    return Starlette(routes=[Route("/{path:path}", _echo, methods=["GET", "POST"])])


@pytest.mark.anyio
async def test_a_form_passes_untouched_and_is_logged_by_its_parts(tmp_path: Path) -> None:
    kind = {"content-type": "multipart/form-data; boundary=b"}
    async with (
        serving(provider()) as url,
        Live({"openai": f"{url}/v1"}) as live,
        plane(tmp_path, upstream=live) as gateway,
    ):
        answer = await gateway.http.post("openai/audio/transcriptions", content=FORM, headers=kind)
        (log,) = await gateway.logs()
        stored = json.loads(await gateway.stored(log["id"], "request"))

    assert answer.json() == {"text": "Hello."}
    assert SEEN[0][:2] == ("/v1/audio/transcriptions?", FORM)
    assert SEEN[0][2]["content-type"] == kind["content-type"]
    assert log["model"] == "openai/whisper-1"
    assert stored == {
        "content_type": "multipart/form-data",
        "bytes": len(FORM),
        "model": "whisper-1",
        "parts": [
            {"name": "model", "value": "whisper-1"},
            {"name": "file", "filename": "a.mp3", "content_type": "audio/mpeg", "bytes": 10_000},
        ],
    }


@pytest.mark.anyio
async def test_25_mb_of_audio_pass_and_take_one_line_in_the_log(tmp_path: Path) -> None:
    audio = bytes(25_000_000)
    async with (
        serving(provider()) as url,
        Live({"openai": f"{url}/v1"}) as live,
        plane(tmp_path, upstream=live) as gateway,
    ):
        answer = await gateway.http.post("openai/audio", content=audio, headers={"content-type": "audio/wav"})
        spoken = await gateway.http.post(
            "openai/audio/speech", json={"model": "tts-1", "input": "Hi", "voice": "alloy"}
        )
        newest, oldest = await gateway.logs()
        stored = [await gateway.stored(oldest["id"], "request"), await gateway.stored(newest["id"], "response")]

    assert answer.status_code == 200 and len(SEEN[0][1]) == len(audio)
    assert spoken.content == b"\x00ID3" * 1000
    assert [json.loads(body) for body in stored] == [
        {"content_type": "audio/wav", "bytes": 25_000_000},
        {"content_type": "audio/mpeg", "bytes": 4000},
    ]


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        ("multipart/form-data", FORM, {"broken": "the content type names no boundary"}),
        ("multipart/form-data; boundary=other", FORM, {"parts": []}),
        (
            "multipart/form-data; boundary=b",
            FORM[:200],
            {"model": "whisper-1", "broken": "it ends before its last boundary"},
        ),
        ("multipart/form-data; boundary=\u2192", FORM, {}),
        ("multipart/form-data; boundary=b", b"--b\r\n\x00\x01:\x02\r\n\r\nx", {}),
        ("multipart/form-data; boundary=b", b"", {"parts": []}),
        ("multipart/form-data; boundary=" + "b" * 5000, b"--b", {}),
        ("audio/mpeg", b"\x00", {}),
        ("", b"\xff\xfe", {"content_type": "unknown"}),
    ],
)
def test_a_broken_form_is_logged_as_far_as_it_is_readable(kind: str, body: bytes, said: dict[str, Any]) -> None:
    held = note(kind, body)

    assert held["bytes"] == len(body)
    assert said.items() <= held.items()
    json.dumps(held)


def test_thousands_of_parts_are_counted_and_not_listed() -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="n"\r\n\r\nv\r\n'

    held = note("multipart/form-data; boundary=b", part * 5000 + b"--b--\r\n")

    assert (len(held["parts"]), held["more_parts"], held["broken"]) == (100, 900, "it has more than 1000 parts")


@pytest.mark.anyio
async def test_a_signed_request_reaches_its_provider_as_it_was_signed(tmp_path: Path) -> None:
    """A signature covers path, query, headers and body as encoded."""
    path = "aws-bedrock/bedrock-runtime/us-east-1/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ax%2Fy.z-v1%3A0/converse"
    body = b'{"messages" : [ {"role":"user","content":[{"text":"\\u00e9"}]} ]}'
    signed = {
        "authorization": "AWS4-HMAC-SHA256 Credential=AKID/20261127/us-east-1/bedrock/aws4_request, Signature=abc",
        "x-amz-date": "20261127T000000Z",
        "x-amz-content-sha256": "e3b0c442",
        "content-type": "application/json",
    }
    async with (
        serving(provider()) as url,
        Live({"aws-bedrock": url}) as live,
        plane(tmp_path, upstream=live) as gateway,
    ):
        await gateway.http.post(f"{path}?b=%20x&a=1", content=body, headers=signed)

    raw, sent, headers = SEEN[0]
    assert raw == "/" + path.removeprefix("aws-bedrock/bedrock-runtime/us-east-1/") + "?b=%20x&a=1"
    assert sent == body
    assert signed.items() <= headers.items()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("provider", "endpoint", "url"),
    [
        ("aws-bedrock", "bedrock-runtime/eu-west-1/model/a%3Ab/converse", "https://bedrock-runtime.eu-west-1.amazonaws.com/model/a%3Ab/converse"),
        ("aws-bedrock", "bedrock-agent-runtime/us-east-1/x", "https://bedrock-agent-runtime.us-east-1.amazonaws.com/x"),
        ("aws-bedrock", "bedrock-mantle/us-east-1/v1/chat/completions", "https://bedrock-mantle.us-east-1.api.aws/v1/chat/completions"),
        ("google-vertex-ai", "v1/projects/p/locations/us-central1/x", "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/x"),
        ("google-vertex-ai", "v1/projects/p/locations/global/x", "https://aiplatform.googleapis.com/v1/projects/p/locations/global/x"),
        ("azure-openai", "res/dep/chat/completions", "https://res.openai.azure.com/openai/deployments/dep/chat/completions"),
        ("azure-openai", "res/openai/v1/responses", "https://res.openai.azure.com/openai/v1/responses"),
        ("google-ai-studio", "v1beta/models/g:generateContent", "https://generativelanguage.googleapis.com/v1beta/models/g:generateContent"),
        ("cohere", "v2/chat", "https://api.cohere.ai/v2/chat"),
    ],
)  # fmt: skip
async def test_live_mode_finds_each_providers_host(provider: str, endpoint: str, url: str) -> None:
    async with Live({}, everything=True) as live:
        assert live.url(Call(provider=provider, endpoint=endpoint, sent=endpoint)) == url


@pytest.mark.parametrize(
    ("base", "endpoint", "url"),
    [
        ("http://a/v1", "v1/chat", "http://a/v1/chat"),
        ("http://a/v1", "chat", "http://a/v1/chat"),
        ("http://a/v1beta", "v1beta/models/x:y", "http://a/v1beta/models/x:y"),
        ("http://a/v1beta1/", "v1beta1/x", "http://a/v1beta1/x"),
        ("http://a/v2", "v2/chat", "http://a/v2/chat"),
        ("http://a/v2", "v1/chat", "http://a/v2/v1/chat"),
        ("http://a", "v1/chat", "http://a/v1/chat"),
        ("http://a/v1", "v1x/chat", "http://a/v1/v1x/chat"),
    ],
)
def test_a_version_that_both_have_is_not_doubled(base: str, endpoint: str, url: str) -> None:
    assert url_of(base, Call(provider="openai", endpoint=endpoint)) == url


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("chat/completions", "the path has no provider, as in …/openai/chat/completions"),
        ("v1/messages", "the path has no provider, as in …/anthropic/v1/messages"),
        ("v1beta/models/gemini-2.5-flash:generateContent", "as in …/google-ai-studio/v1beta/models/gemini-2.5-flash"),
        ("model/x/converse", "as in …/aws-bedrock/bedrock-runtime/us-east-1/model/x/converse"),
        ("google/v1beta/models/x:generateContent", "did you mean google-ai-studio?"),
        ("xai/v1/chat/completions", "did you mean grok?"),
        ("azure/x/y", "did you mean azure-openai?"),
        ("responses", "the path has no provider"),
        ("opnai/chat/completions", "there is no provider 'opnai'; did you mean openai?"),
        ("ollama/chat/completions", "your own would be called custom-ollama"),
        ("openai", "The path ends at the provider"),
    ],
)
async def test_a_path_without_its_provider_says_what_is_missing(tmp_path: Path, path: str, said: str) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.post(path, json={})

    assert answer.status_code == 400
    assert said in answer.json()["error"][0]["message"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path",
    [
        "openai/models", "openai/v1/models", "anthropic/v1/models", "google-ai-studio/v1beta/models", "mistral/v1/models",
        "groq/models", "grok/v1/models", "deepseek/models", "cerebras/models", "openrouter/v1/models", "cohere/v1/models",
        "perplexity-ai/models", "azure-openai/res/openai/models", "azure-openai/res/openai/v1/models",
        "aws-bedrock/bedrock/us-east-1/foundation-models", "workers-ai/v1/models",
    ],
)  # fmt: skip
async def test_models_are_listed_for_each_provider(tmp_path: Path, path: str) -> None:
    async with plane(tmp_path) as gateway:
        answer = await gateway.http.get(path)

    listed = next(answer.json()[name] for name in ("data", "models", "modelSummaries") if name in answer.json())
    assert answer.status_code == 200 and len(listed) > 1


@pytest.mark.anyio
async def test_a_form_to_a_simulated_provider_says_that_it_is_not_simulated(tmp_path: Path) -> None:
    kind = {"content-type": "multipart/form-data; boundary=b"}
    async with plane(tmp_path) as gateway:
        answer: httpx2.Response = await gateway.http.post("openai/audio/transcriptions", content=FORM, headers=kind)
        (log,) = await gateway.logs()

    assert answer.status_code == 501 and "does not simulate openai/audio/transcriptions" in answer.text
    assert log["model"] == "openai/whisper-1"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path", ["/default%2Fopenai%2Fchat/completions", "/default/openai%2Fadmin/x", "%2Fdefault/openai/a/b"]
)
async def test_an_encoded_slash_leads_to_no_other_path(tmp_path: Path, path: str) -> None:
    async with serving(provider()) as url, Live({"openai": url}) as live, plane(tmp_path, upstream=live) as gateway:
        answer = await gateway.http.post(f"{gateway.url}/v1/{'0' * 32}{path}", json={})

    assert answer.status_code < 500
    assert [raw for raw, _, _ in SEEN] in ([], [f"/{path.partition('openai')[2].replace('%2F', '/').lstrip('/')}?"])


@pytest.mark.anyio
async def test_a_picture_from_the_cache_is_logged_by_kind_and_size(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"json": {"model": "tts-1", "input": "Hi"}, "headers": {"cf-aig-cache-ttl": "600"}}
    async with serving(picture()) as url, Live({"openai": url}) as live, plane(tmp_path, upstream=live) as gateway:
        answers = [await gateway.http.post("openai/images", **asked) for _ in range(2)]
        logs = await gateway.logs()
        stored = [json.loads(await gateway.stored(log["id"], "response")) for log in logs]

    assert [answer.headers["cf-aig-cache-status"] for answer in answers] == ["MISS", "HIT"]
    assert answers[0].content == answers[1].content
    assert stored == [{"content_type": "image/png", "bytes": 4}] * 2


def picture() -> Starlette:
    async def answer(_: Request) -> Response:
        return Response(b"\x89PNG", media_type="image/png")

    return Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])])


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["ideogram/models", "fal/models", "custom-x/models"])
async def test_models_that_are_not_known_are_not_listed(tmp_path: Path, path: str) -> None:
    async with plane(tmp_path) as gateway:
        assert (await gateway.http.get(path)).status_code == 501


@pytest.mark.anyio
async def test_a_file_to_an_endpoint_that_is_not_a_providers_own_is_refused(tmp_path: Path) -> None:
    kind = {"content-type": "multipart/form-data; boundary=b"}
    async with plane(tmp_path) as gateway:
        answers = [
            await gateway.http.post(path, content=FORM, headers=kind) for path in ("", "compat/chat/completions")
        ]

    assert [answer.status_code for answer in answers] == [415, 415]
