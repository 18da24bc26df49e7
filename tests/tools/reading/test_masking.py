import json
import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cf_aig_tools.reading.masking import Masker, marks, note, visible

MASKER = Masker()


def noise(length: int, alphabet: str = string.ascii_letters + string.digits, seed: int = 1) -> str:
    """Return a made-up secret. It contains a digit, as real ones do."""
    return "7" + "".join(random.Random(seed).choices(alphabet, k=length - 1))


PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\n"
    + "\n".join(noise(64, seed=n) for n in range(5))
    + "\n-----END RSA PRIVATE KEY-----"
)
JWT = f"eyJ{noise(33)}.eyJ{noise(60, seed=2)}.{noise(43, seed=3)}"
HEX = "0123456789abcdef"
SECRETS = {
    "openai": (f"sk-{noise(48)}", "openai_key"),
    "openai project": (f"sk-proj-{noise(120, string.ascii_letters + '_-' + string.digits)}", "openai_key"),
    "openai service account": (f"sk-svcacct-{noise(60)}", "openai_key"),
    "anthropic": (f"sk-ant-api03-{noise(93)}-AA", "anthropic_key"),
    "google session": (f"ya29.{noise(60)}", "google_token"),
    "openrouter": (f"sk-or-v1-{noise(64, HEX)}", "openrouter_key"),
    "google": (f"AIzaSy{noise(33)}", "google_key"),
    "groq": (f"gsk_{noise(52)}", "groq_key"),
    "xai": (f"xai-{noise(80)}", "xai_key"),
    "huggingface": (f"hf_{noise(34)}", "huggingface_token"),
    "replicate": (f"r8_{noise(37)}", "replicate_token"),
    "perplexity": (f"pplx-{noise(48)}", "perplexity_key"),
    "cloudflare origin key": (f"v1.0-{noise(24, HEX)}-{noise(140, HEX)}", "cloudflare_token"),
    "cloudflare user token": (f"cfut_{noise(48)}", "cloudflare_token"),
    "jwt": (JWT, "jwt"),
    "private key": (PEM, "private_key"),
    "aws id": (f"AKIA{noise(16, string.ascii_uppercase)}", "aws_key_id"),
    "aws session id": (f"ASIA{noise(16, string.ascii_uppercase)}", "aws_key_id"),
    "github": (f"ghp_{noise(36)}", "github_token"),
    "github app": (f"ghs_{noise(36)}", "github_token"),
    "github fine-grained": (f"github_pat_{noise(22)}_{noise(59)}", "github_token"),
    "gitlab": (f"glpat-{noise(20)}", "gitlab_token"),
    "slack": (f"xoxb-{noise(12, string.digits)}-{noise(24)}", "slack_token"),
    "stripe": (f"sk_live_{noise(24)}", "stripe_key"),
    "stripe restricted": (f"rk_live_{noise(24)}", "stripe_key"),
}
IN_CONTEXT = [
    ("Authorization: Bearer {}", noise(40), "authorization"),
    ("authorization: Basic {}", noise(24), "authorization"),
    ('{{"authorization": "Bearer {}"}}', noise(40), "authorization"),
    ('{{"cf-aig-authorization":"Bearer {}","a":1}}', noise(40), "authorization"),
    ("use Bearer {} there", noise(30), "bearer_token"),
    ("sent Basic {}= there", noise(23), "basic_credentials"),
    ('{{"x-api-key":"{}"}}', noise(24), "api_key"),
    ("x-api-key: {}", noise(24), "api_key"),
    ('curl -H "api-key: {}" https://a.b', noise(32), "api_key"),
    ('["x-api-key","{}"]', noise(24), "api_key"),
    ('{{"name":"x-goog-api-key","value":"{}"}}', noise(24), "api_key"),
    ("OPENAI_API_KEY={}", noise(24), "api_key"),
    ("Cookie: session={}; theme=dark", noise(24), "cookie"),
    ('{{"set-cookie":"sid={}; Path=/; HttpOnly"}}', noise(24), "cookie"),
    ("CLOUDFLARE_API_TOKEN={}", noise(40), "cloudflare_token"),
    ('{{"aws_secret_access_key": "{}"}}', noise(40), "aws_secret_key"),
    ("postgres://app:{}@db.example:5432/main", noise(14), "database_password"),
    ("mongodb+srv://app:{}@cluster.example", noise(14), "database_password"),
]
PLAIN = [
    "The task-force is risk-averse; its basic understanding of authorization: the bearer of good news has a cookie.",
    "id 01jd3f5k9m2p4q6r8s0t1v2w3x and 019ac0de-7b2c-7d11-a2b4-93c1f0d8e6b7, sha256:"
    + "9f86d081884c7d659a2feaa0c55ad015" * 2,
    'api_key = os.environ["OPENAI_API_KEY"]\nclient = Client(api_key=api_key, token=token)\n',
    'headers = {"Authorization": f"Bearer {token}", "x-api-key": "$KEY", "api-key": "<your key>"}',
    "class sk_learn_pipeline: apiKey: string; // see https://example.com:8080/path?key=value",
    '{"tokens_in": 120, "max_tokens": 400, "token": "abc", "secret": false, "cookie": null}',
    "sk-learn-pipeline-for-beginners, hf_hub_download, xai-org, v1.0-beta, ghost_writer, gh_actions, AKIA",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END PUBLIC KEY-----",
    "Paste the line -----BEGIN PRIVATE KEY----- and what follows.",
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
]
HIDERS = ["\u200b", "\u202e", "\u2060\u200d", r"\u200b", r"\\u200b", r"\u{200b}", "\x00"]


def leaked(secret: str, text: str) -> list[str]:
    """Return the eight-character parts of a secret that a text shows, except those that all keys of its kind share."""
    body = secret.removeprefix("-----BEGIN RSA PRIVATE KEY-----\n").removesuffix("\n-----END RSA PRIVATE KEY-----")
    parts = [body[start : start + 8] for start in range(len(body) - 7)]
    return [part for part in parts if part in text]


def streamed(text: str, sizes: list[int]) -> str:
    stream, out, start = MASKER.stream(), "", 0
    for size in sizes:
        out += stream.feed(text[start : start + size])
        start += size
    return out + stream.feed(text[start:]) + stream.end()


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "around", ["{}", "a key {} here", '{{"key":"{}"}}', "({}),", "k={}&b=1", "x\n{}\ny", "key%3D{}"]
)
def test_a_key_is_masked_anywhere(name, around):
    secret, kind = SECRETS[name]
    shown = MASKER.mask(around.format(secret))
    assert f"[{kind}]" in shown or "[api_key]" in shown
    assert leaked(secret, shown) == []


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_key_in_json_in_json_is_masked_and_the_json_stays_whole(name, depth):
    secret, kind = SECRETS[name]
    text = f"before {secret}\nafter"
    for _ in range(depth):
        text = json.dumps({"content": text, "n": 1})
    shown = MASKER.mask(text)
    assert leaked(secret, shown) == []
    for _ in range(depth):
        shown = json.loads(shown)["content"]
    assert shown == f"before [{kind}]\nafter"


@pytest.mark.parametrize(("around", "secret", "kind"), IN_CONTEXT)
def test_a_value_is_masked_because_of_its_name(around, secret, kind):
    for text in (around.format(secret), json.dumps({"a": around.format(secret)}), f"x\r\n{around.format(secret)}\r\ny"):
        shown = MASKER.mask(text)
        assert f"[{kind}]" in shown
        assert secret[:8] not in shown and secret[-8:] not in shown


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_stays_as_it_is(text):
    assert MASKER.mask(text) == text
    assert MASKER.mask(json.dumps(text)) == json.dumps(text)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("hider", HIDERS)
def test_invisible_characters_do_not_hide_a_key(name, hider):
    secret, kind = SECRETS[name]
    split = hider.join(secret[start : start + 5] for start in range(0, len(secret), 5))
    assert MASKER.mask(f"a {split} b") == f"a [{kind}] b"


@pytest.mark.parametrize("name", SECRETS)
def test_a_key_written_in_escapes_is_masked(name):
    secret, kind = SECRETS[name]
    escaped = "".join(f"\\u{ord(character):04x}" for character in secret)
    assert MASKER.mask(f"a {escaped} b") == f"a [{kind}] b"


@pytest.mark.parametrize("name", SECRETS)
def test_a_key_cut_by_the_end_of_the_text_is_masked(name):
    secret, _ = SECRETS[name]
    after = secret.index(".") + 1 if name == "jwt" else secret.index("7")
    for end in range(after + 8, len(secret)):
        assert secret[after:end] not in MASKER.mask(f"a {secret[:end]}")


PIECES = st.sampled_from(
    [secret for secret, _ in SECRETS.values()]
    + [around.format(secret) for around, secret, _ in IN_CONTEXT]
    + PLAIN
    + HIDERS
    + [
        " ",
        "\n",
        '"',
        "\\",
        "\\\\",
        r"\n",
        r"\"",
        "=",
        "-----",
        "sk-",
        "token: ",
        "eyJ",
        "a",
        "é你\U0001f600",
        "İ",
        "\\u{",
        "z" * 500,
    ]
)


@settings(max_examples=250, deadline=None)
@given(st.lists(PIECES, max_size=12), st.lists(st.integers(0, 700), max_size=30))
def test_a_text_in_parts_is_masked_like_a_whole_one(pieces, sizes):
    text = "".join(pieces)
    assert streamed(text, sizes) == MASKER.mask(text)


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, max_size=6))
def test_a_text_in_single_characters_is_masked_like_a_whole_one(pieces):
    text = "".join(pieces)
    assert streamed(text, [1] * len(text)) == MASKER.mask(text)


@settings(max_examples=250, deadline=None)
@given(st.lists(PIECES, max_size=12))
def test_masking_twice_changes_nothing_more(pieces):
    once = MASKER.mask("".join(pieces))
    assert MASKER.mask(once) == once


@settings(max_examples=100, deadline=None)
@given(st.lists(PIECES, max_size=8), st.lists(st.integers(0, 9), max_size=200))
def test_visible_parts_are_the_visible_whole(pieces, sizes):
    text = "".join(pieces)
    for masker in (MASKER, Masker(enabled=False)):
        stream, out, start = masker.stream(), "", 0
        for size in sizes:
            out += visible(stream.feed(text[start : start + size]))
            start += size
        out += visible(stream.feed(text[start:])) + visible(stream.end())
        assert out == visible(masker.mask(text))


def test_a_json_value_is_masked_because_of_its_shape_or_name():
    value = {"x-api-key": noise(24), "set-cookie": [f"a={noise(20)}"], "n": [1, None, SECRETS["github"][0]]}
    expected = {"x-api-key": "[api_key]", "set-cookie": ["[cookie]"], "n": [1, None, "[github_token]"]}
    assert MASKER.masked(value) == expected
    assert MASKER.masked(expected) == expected


def test_every_cookie_of_a_list_is_masked_and_the_json_stays_whole():
    cookies = [f"sid={noise(20, seed=number)}; Path=/" for number in range(3)]
    for indent in (None, 2):
        text = json.dumps({"set-cookie": cookies, "next": "kept"}, indent=indent)
        shown = MASKER.mask(text)
        assert json.loads(shown) == {"set-cookie": ["[cookie]"], "next": "kept"}


def test_an_operator_may_switch_masking_off():
    text = f"a {SECRETS['openai'][0]} b"
    assert Masker(enabled=False).mask(text) == text


def test_a_note_counts_what_was_masked_by_kind():
    text = MASKER.mask(f"{SECRETS['openai'][0]} {SECRETS['jwt'][0]} {SECRETS['openai project'][0]} [other]")
    assert marks(text) == {"openai_key": 2, "jwt": 1}
    assert note(text) == "1 jwt, 2 openai_key"
    assert note("nothing") == ""


def test_hidden_and_reordering_characters_are_made_visible():
    assert (
        visible("a\u202eb\u200bc\x07\tline\n\u00ad\U000e0041") == "a\\u{202e}b\\u{200b}c\\u{7}\tline\n\\u{ad}\\u{e0041}"
    )


def test_a_literal_escape_stays_apart_from_a_shown_character():
    assert visible(r"\u{202e}") == r"\u{5c}u{202e}"
    assert visible(r"\n and \u202e") == r"\n and \u202e"


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from([*"\\u{}202e5c ab\n\t", "\u202e", "\u200b", "\x00", "\r"])))
def test_making_characters_visible_is_reversible(text):
    undone = ""
    shown = visible(text)
    while shown:
        code, end, rest = shown[3:].partition("}") if shown.startswith("\\u{") else ("", "", "")
        undone += chr(int(code, 16)) if end else shown[0]
        shown = rest if end else shown[1:]
    assert undone == text


SPLIT = f"sk-proj-{noise(60)}"


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["🧪", "\U000e0041", "\u200b", "漢", "x ", "\\", SPLIT, SPLIT[:30]]), max_size=40),
    st.integers(1, 50),
    st.booleans(),
)
def test_escaped_text_is_masked_the_same_however_it_is_cut(pieces: list[str], step: int, ascii_only: bool) -> None:
    text = json.dumps("".join(pieces), ensure_ascii=ascii_only)
    stream = Masker().stream()

    parts = [stream.feed(text[start : start + step]) for start in range(0, len(text), step)]

    assert "".join(parts) + stream.end() == Masker().mask(text)


@pytest.mark.parametrize("hidden", ["\u200b", "\U000e0041", "\U000e0041\U000e0042"])
def test_an_escaped_hidden_character_does_not_split_a_secret(hidden: str) -> None:
    assert Masker().mask(json.dumps(SPLIT[:20] + hidden + SPLIT[20:])) == '"[openai_key]"'
