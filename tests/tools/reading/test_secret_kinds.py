"""Masks every kind of secret, in every place, and nothing that only looks like one, in linear time."""

import base64
import json
import random
import re
import struct
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from secrets_corpus import ALPHABETS, KEYS, NAMED, Case, cases, drawn, shown

from cf_aig_tools.reading import masking, secret_kinds, secret_values, unveiled
from cf_aig_tools.reading.key_shapes import KEYS as SHAPES
from cf_aig_tools.reading.masking import Masker, MaskStream
from cf_aig_tools.reading.named_values import NAMED as VALUES
from cf_aig_tools.reading.secret_kinds import SECRETS, Secrets
from cf_aig_tools.reading.secrets import AHEAD, REACH

MASKER = Masker()
SEEDS = ("one", "two", "three")
ROOT = Path(__file__).parents[3]

PROSE = """
The password must be at least 8 characters, with 1 digit. A token is about four characters of English; 1,000 tokens are
750 words. The secret of good bread is time. Your API key is shown once: keep it in AWS_SECRET_ACCESS_KEY or in a vault.
Basic arithmetic, bearer of bad news, the cookie jar, authorization: required. She was the key to it all; pass the salt.
Use `Authorization: Bearer <token>` and `x-api-key: YOUR_API_KEY`. Set password=changeme first, api_key="your-api-key".
Version 3.11.4 of 2024-08-06, claude-3-5-sonnet-20241022 and gpt-4o-mini-2024-07-18, cost $0.0672/image per 1M tokens.
See https://user@example.com:8443/path?token=abc&page=2#top, postgres://localhost:5432/main, redis://cache:6379/0.
token: <redacted>, secret: ********, password: ${DB_PASSWORD}, api_key: xxxxxxxxxxxxxxxx, key={{ secrets.API_KEY }}
"""

CODE = """
import os
PASSWORD = os.environ["DB_PASSWORD"]
client = Client(api_key=os.getenv("OPENAI_API_KEY"), token=settings.token, password=getpass.getpass())
const apiKey = process.env.API_KEY ?? config.apiKey; headers["x-api-key"] = this.apiKey;
def login(user: str, password: str = "", *, token: str | None = None) -> Token: ...
if password != confirm_password or not check_password_hash(user.password_hash, password): raise WrongPassword
tokenizer = AutoTokenizer.from_pretrained("meta-llama/Llama-3.1-8B"); max_tokens=4096; token_count = len(tokens)
export GITHUB_TOKEN=$1 SECRET_KEY=$(openssl rand -hex 32); docker run -u 1000:1000 -e PASSWORD="$PASSWORD" app
{"type": "object", "properties": {"password": {"type": "string"}, "api_key": {"type": "string", "minLength": 20}}}
{"key": "Enter", "code": "KeyboardEvent", "primary_key": "id", "public_key": "ssh-ed25519", "next_page_token": null}
{"token": " Paris", "logprob": -0.31, "bytes": [32, 80], "top_logprobs": [{"token": "Lyon"}, {"token": "12345678"}]}
from cryptography.fernet import Fernet; sk_learn_pipeline = make(); hf_hub_download(repo_id); npm_config_cache = 1
MovedAttribute("HTTPPasswordMgr", "urllib2", "urllib.request"); __all__ = ["TokenCreateParams", "AccessRule"]
"""

LOGS = """
2026-11-20T10:00:00.123Z INFO auth: token expired for user 4711, refreshing in 30s (attempt 2/5)
127.0.0.1 - - [20/Nov/2026:10:00:00 +0000] "POST /v1/chat/completions HTTP/1.1" 200 5120 "-" "OpenAI/Python 1.54.3"
E0000 00:00:1795908922.020454 30839 re2.cc:809] DFA out of memory: pattern length 10698, program size 43021
kernel: usb 1-1: New USB device found, idVendor=0781, idProduct=5567, SerialNumber=4C530001230419115213
sshd[812]: Failed password for root from 10.0.0.7 port 50022 ssh2; Accepted publickey for app from 10.0.0.8 port 5002
{"level":"warn","msg":"invalid api key","status":401,"x-request-id":"req_011CUzX9aB","cf-ray":"8f0b1c2d3e4f5a6b-FRA"}
git: 9fceb02d0ae598e95dc970b74767f19372d61af8 Merge pull request #12 from x/secret-rotation
"""


def ids(luck: random.Random) -> str:
    """Return ids and digests in all the forms that logs are full of."""

    def some(letters: str, length: int) -> str:
        return "".join(luck.choices(ALPHABETS[letters], k=length))

    named = [
        {"id": f"chatcmpl-{some('a', 29)}", "system_fingerprint": f"fp_{some('h', 10)}"},
        {"id": f"msg_01{some('a', 22)}", "request_id": f"req_01{some('a', 22)}"},
        {"id": f"resp_{some('h', 48)}", "previous_response_id": f"resp_{some('h', 48)}"},
        {"tool_use_id": f"toolu_01{some('a', 22)}", "tool_call_id": f"call_{some('a', 24)}"},
        {"ulid": "01" + "".join(luck.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=24))},
        {"uuid": str(uuid.UUID(int=luck.getrandbits(128), version=4)), "trace_id": some("h", 32)},
        {"commit": some("h", 40), "digest": f"sha256:{some('h', 64)}", "etag": f'W/"{some("h", 32)}"'},
        {"integrity": "sha512-" + base64.b64encode(luck.randbytes(64)).decode()},
        {"prompt_cache_key": some("a", 32), "safety_identifier": some("h", 64), "file_id": f"file-{some('a', 24)}"},
        {"encrypted_content": "gAAAA" + base64.urlsafe_b64encode(luck.randbytes(900)).decode()},
        {"signature": base64.b64encode(luck.randbytes(300)).decode()},
        {"thoughtSignature": base64.b64encode(luck.randbytes(700)).decode()},
    ]
    return json.dumps(named)


def binary(luck: random.Random) -> str:
    """Return an image and an embedding, as base64 and as figures."""
    pixels = luck.randbytes(60_000) + bytes(20_000) + luck.randbytes(20_000)
    figures = [luck.uniform(-1, 1) for _ in range(1536)]
    packed = base64.b64encode(struct.pack(f"{len(figures)}f", *figures)).decode()
    image = f"data:image/png;base64,{base64.b64encode(pixels).decode()}"
    safe = base64.urlsafe_b64encode(pixels).decode()
    return json.dumps({"image_url": image, "embedding": packed, "figures": figures, "data": safe})


def test_nearly_all_secrets_of_every_kind_are_masked_in_every_place():
    kept, seen = list[Case](), 0
    for seed in SEEDS:
        for case in cases(seed):
            seen += 1
            kept += [case] if shown(case.secret, MASKER.mask(case.text)) else []

    assert len(KEYS) + len(NAMED) >= 150
    assert 1 - len(kept) / seen >= 0.98, [f"{case.kind} in {case.place}" for case in kept]


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_of_every_kind_is_masked_in_most_places(kind: str):
    mine = [case for seed in SEEDS for case in cases(seed) if case.kind == kind]

    assert sum(not shown(case.secret, MASKER.mask(case.text)) for case in mine) >= len(mine) - 2


def test_text_beside_a_secret_stays_and_json_stays_valid():
    for case in cases("beside"):
        said = MASKER.mask(case.text)
        if case.place == "JSON":
            assert json.loads(said)["next"] == "kept", case
        if case.place == "JSON in JSON":
            assert json.loads(json.loads(said)["arguments"])["next"] == "kept", case
        if case.place == "environment":
            assert said.startswith("DEBUG=1\n") and said.endswith("\nPORT=8080\n"), case


@pytest.mark.parametrize("sizes", [(1,), (7, 64, 3), (1000,)])
def test_secrets_are_masked_however_the_text_is_cut(sizes: tuple[int, ...]):
    for case in cases("cut"):
        stream, out, start, number = MASKER.stream(), "", 0, 0
        while start < len(case.text):
            out += stream.feed(case.text[start : start + sizes[number % len(sizes)]])
            start, number = start + sizes[number % len(sizes)], number + 1
        assert out + stream.end() == MASKER.mask(case.text), case


class Thorough(Secrets):
    """Looks at every place in every text."""

    def cannot_be_in(self, text: str) -> bool:
        return not text

    def hinted(self, text: str, start: int, end: int):
        lower = text.lower()
        for rank, secret in enumerate([*VALUES, *SHAPES]):
            held = lower if rank < len(VALUES) else text
            place = held.find(secret.literal, start)
            while -1 < place < end:
                yield place, rank, secret
                place = held.find(secret.literal, place + 1)


def test_the_fast_check_misses_nothing():
    thorough = Thorough(SHAPES, VALUES)
    for case in cases("quick"):
        for text in (case.text, json.dumps(case.text), case.text.replace("/", "\\/")):
            stream = MaskStream(thorough)
            assert MASKER.mask(text) == stream.feed(text) + stream.end(), text


@pytest.mark.parametrize("text", [PROSE, CODE, LOGS], ids=["prose", "code", "logs"])
def test_nothing_harmless_is_masked(text: str):
    for line in text.splitlines():
        assert MASKER.mask(line) == line
    for whole in (text, json.dumps(text), json.dumps({"content": json.dumps({"said": text})})):
        assert MASKER.mask(whole) == whole


def test_the_project_itself_holds_no_secret():
    for path in [*ROOT.glob("*.md"), *ROOT.glob("*/cf_aig_*/**/*.py")]:
        text = path.read_text(encoding="utf-8")
        assert MASKER.mask(text) == text, path


@pytest.mark.parametrize("seed", range(20))
def test_no_id_digest_image_or_embedding_is_masked(seed: int):
    luck = random.Random(seed)
    for text in (ids(luck), binary(luck)):
        for whole in (text, json.dumps({"content": text})):
            assert MASKER.mask(whole) == whole


@pytest.mark.parametrize("name", ["password", "client_secret", "api_key", "token"])
@pytest.mark.parametrize(
    "gap",
    [
        "<your key>",
        "${SECRET}",
        "$SECRET",
        "{{ secret }}",
        "%SECRET%",
        "xxxxxxxxxxxxxxxxxxxx",
        "********************",
        "your-api-key-here",
        "changeme",
        "[redacted]",
        "…",
        "process.env.SECRET_KEY",
        "os.environ['SECRET']",
        "config.get_secret()",
        "null",
        "string",
    ],
)
def test_a_placeholder_is_not_a_secret(name: str, gap: str):
    for text in (f"{name}={gap}", f'{name} = "{gap}"', json.dumps({name: gap}), f"{name}: {gap}", f"--{name} {gap}"):
        assert MASKER.mask(text) == text


def test_short_passwords_are_masked_in_assignments():
    for text in ("password=hunter2", '{"password": "hunter2"}', "DB_PASS=s3cret!", "--password hunter2", "pwd: q1w2e3"):
        said = MASKER.mask(text)
        assert "[login_password]" in said
        assert not re.search(r"hunter2|s3cret|q1w2e3", said)


HEADS = ("", "token=", "password: ", "x-api-key: ", "sk-", "://a:", '"', "\\", "eyJ")
TAILS = ("a", "A1", "-", "_", ".", "a.", "a-", " ", "=", '"', "'a", "\\n", "/a", "a1B2", "\n", ":", "<a>", "\u200b")


def seconds(work: Callable[[], object]) -> float:
    """Return the shorter of two times."""
    taken = list[float]()
    for _ in range(2):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return min(taken)


def is_linear(work: Callable[[str], object], head: str, tail: str, length: int = 20_000) -> bool:
    """Whether four times the text takes less than ten times as long; quadratic time takes sixteen times."""
    short, long = (head + tail * (size // len(tail)) for size in (length, 4 * length))
    return seconds(lambda: work(long)) < 10 * seconds(lambda: work(short)) + 0.005


def every(expression: re.Pattern[str]) -> Callable[[str], object]:
    return lambda text: sum(1 for _ in expression.finditer(text))


OF_MODULES = {
    f"{module.__name__.rpartition('.')[2]}.{name}": held
    for module in (masking, secret_kinds, secret_values, unveiled)
    for name, held in vars(module).items()
    if isinstance(held, re.Pattern)
}
SHAPES_ONCE = {secret.shape: secret for secret in [*VALUES, *SHAPES]}.values()
RESTS_ONCE = {secret.rest: secret for secret in [*VALUES, *SHAPES]}.values()


@pytest.mark.parametrize("name", OF_MODULES)
def test_expressions_are_linear(name: str):
    for head in HEADS:
        for tail in TAILS:
            assert is_linear(OF_MODULES[name].match, head, tail), (head, tail)


def test_the_rest_of_a_secret_is_found_in_linear_time():
    for secret in RESTS_ONCE:
        for tail in TAILS:
            assert is_linear(secret.goes_on.match, "", tail), (secret.kind, tail)


def test_a_shape_looks_no_further_than_it_declares():
    """How far a shape looks is limited, so every place in a text has a maximum cost, whatever follows."""
    for secret in SHAPES_ONCE:
        for tail in TAILS:
            for head in (secret.literal, f"{secret.literal}=", f'{secret.literal}": "'):
                near = head + tail * (REACH // len(tail))
                far = head + tail * (100 * REACH // len(tail))
                one, other = secret.begins.match(near), secret.begins.match(far)
                if one and other and one.end() < REACH - AHEAD:
                    assert one.span() == other.span(), (secret.kind, head, tail)


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "a",
            "A",
            "-----BEGIN",
            "-----BEGIN PRIVATE KEY-----",
            "sk-",
            "sk-\u200b",
            "eyJ-",
            "\\",
            "\\u",
            "\u200b",
            "://",
        ),
        *(
            "x-api-key:",
            "token=a1",
            "password: a1",
            "secret is ",
            "api.key",
            '"d":',
            "basic a1",
            "cookie: a=",
            "-u a:b ",
        ),
        *(
            "AKIA",
            "SG.",
            "EAAA",
            "pat",
            ".atlasv1.",
            "hooks.slack.com/services/",
            ":AA",
            "KEY=",
            "\\n",
            "\r",
            "é",
            "\ud800",
        ),
    ],
)
def test_masking_takes_linear_time(unit: str):
    assert is_linear(MASKER.mask, "", unit, 70_000)


def test_hints_are_read_by_an_engine_that_is_linear_by_construction():
    for expression in (SECRETS._signs, *(places for places, _ in SECRETS._places)):
        assert type(expression).__module__.split(".")[0] == "re2"


def test_a_made_up_secret_stays_the_same_for_a_seed():
    assert drawn("ghp_<a36>", 1) == drawn("ghp_<a36>", 1) != drawn("ghp_<a36>", 2)
    text, secret = drawn("redis://:[[<a24>]]@cache", 1)
    assert text == f"redis://:{secret}@cache" and len(secret) == 24
