"""Keys recognized by their form, wherever they appear."""

import re

from cf_aig_tools.reading.key_prefixes import BASE64, PLAIN, PREFIXES, WORD
from cf_aig_tools.reading.secret_values import is_random, is_varied
from cf_aig_tools.reading.secrets import ALONE, APART, FREE, Secret, many

_ANY = r"[\w.~+/=%$-]"
_LONG = 5
"""Prefixes of at least this length do not occur in base64 by chance."""
_BEFORE = r"(?:\b|_|\\[nrt]|%[0-9A-Fa-f]{2})"
"""What precedes a key in a stored text, for hints."""


def _key(kind: str, literal: str, letters: str, least: int) -> Secret:
    begins = APART if literal.isalnum() else ALONE if len(literal) < _LONG else FREE
    shape = rf"{begins}({re.escape(literal)}{many(letters, least)})"
    return _shaped(kind, literal, shape, rf"(?:{letters}|[A-Za-z0-9_-])*", letters)


def _shaped(kind: str, literal: str, shape: str, rest: str = r"[A-Za-z0-9_-]*", letters: str = _ANY) -> Secret:
    hint = re.escape(literal).replace("/", r"\\*/")
    return Secret(kind, literal, shape, rest, hint, rf"(?:{letters}|\\){{6}}", is_varied, _BEFORE)


_JWT = r"eyJ[A-Za-z0-9_-]{6,300}+(?:\.[A-Za-z0-9_-]{4}|\.?[A-Za-z0-9_-]{0,3}\Z)"

KEYS = [
    Secret("anthropic_key", "sk-", r"(sk-ant-[A-Za-z0-9_-]{8})", hint="sk-ant-"),
    Secret("openrouter_key", "sk-", r"(sk-or-[A-Za-z0-9_-]{8})", hint="sk-or-"),
    Secret("openai_key", "sk-", r"(sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{8})", hint="sk-(?:proj|svcacct|admin)-"),
    Secret(
        "openai_key",
        "sk-",
        rf"{FREE}(sk-(?!ant-|or-|proj-)(?=[A-Za-z0-9_-]{{0,48}}[0-9])(?:[A-Za-z0-9_-]{{16,64}}|[A-Za-z0-9_-]{{8,}}\Z))",
        hint=r"sk-[\w-]{8}",
        holds=is_random,
    ),
    _shaped("google_key", "AIza", rf"{FREE}(AIza{many(WORD, 30)})"),
    _shaped("crates_token", "cio", rf"{APART}(cio{PLAIN}{{32}})(?![\w+/=-])"),
    _shaped("nuget_key", "oy2", rf"{APART}(oy2[a-z0-9]{{43}})(?![\w+/=-])"),
    *(_key(*beginning) for beginning in PREFIXES),
    *(_shaped("github_token", f"gh{what}_", rf"{FREE}(gh{what}_{many('[A-Za-z0-9_]', 16)})") for what in "opsur"),
    _shaped("slack_token", "xox", rf"{FREE}(xox[a-z](?:\.xox[a-z])?-{many(WORD, 8)})"),
    _shaped("cloudflare_token", "v1.0-", rf"{FREE}(v1\.0-{many('[0-9a-f]', 20)})"),
    Secret(
        "sendgrid_key",
        "SG.",
        rf"{ALONE}(SG\.{WORD}{{16,64}}(?:\.{WORD}{{0,64}})?)",
        r"[A-Za-z0-9_.-]*",
        r"SG\.",
        holds=is_random,
    ),
    _shaped("airtable_token", "pat", rf"{ALONE}(pat{PLAIN}{{14}}\.[0-9a-f]{{32}})"),
    _key("grafana_key", "eyJrIjoi", BASE64, 60),
    _shaped("clickhouse_key", "4b1d", rf"{APART}(4b1d(?=[0-9a-f]{{0,37}}[A-Zg-z])[A-Za-z0-9]{{38}})(?![A-Za-z0-9])"),
    _shaped("resend_key", "re_", rf"{ALONE}(re_(?=\w{{0,40}}[0-9])[A-Za-z0-9]{{6,10}}_[A-Za-z0-9]{{20}})"),
    _shaped("harness_key", "pat.", rf"{ALONE}(pat\.[\w-]{{22}}\.[A-Za-z0-9]{{24}}\.[A-Za-z0-9]{{20}})"),
    _shaped("harness_key", "sat.", rf"{ALONE}(sat\.[\w-]{{22}}\.[A-Za-z0-9]{{24}}\.[A-Za-z0-9]{{20}})"),
    _shaped("salesforce_token", "00D", rf"{APART}(00D[A-Za-z0-9]{{12,15}}![A-Za-z0-9._]{{40}})", r"[A-Za-z0-9._]*"),
    _shaped("aws_key_id", "AKIA", rf"{APART}(AKIA{many('[A-Z0-9]', 16)})"),
    _shaped("aws_key_id", "ASIA", rf"{APART}(ASIA{many('[A-Z0-9]', 16)})"),
    _shaped("aws_key_id", "ABIA", rf"{APART}(ABIA{many('[A-Z0-9]', 16)})"),
    _shaped("aws_key_id", "ACCA", rf"{APART}(ACCA{many('[A-Z0-9]', 16)})"),
    _shaped("square_token", "EAAA", rf"{APART}(EAAA{WORD}{{50,64}}(?![\w+/=-]))"),
    _shaped("facebook_token", "EAA", rf"{APART}(EAA[A-Z](?!{PLAIN}{{0,77}}AAA){many(PLAIN, 80)})"),
    _shaped("jwt", "eyJ", rf"{FREE}({_JWT})", r"[A-Za-z0-9_.-]*"),
    _shaped("brave_key", "BSA", rf"{APART}(BSA{WORD}{{28}})(?![\w+/=-])"),
    _shaped("clickup_token", "pk_", rf"{ALONE}(pk_[0-9]{{5,10}}_[A-Z0-9]{{30}})"),
    _shaped("nats_key", "SUA", rf"{APART}(SUA[A-Z0-9]{{55}})(?![A-Za-z0-9])"),
    _shaped(
        "authress_key", "sc_", rf"{ALONE}(sc_{PLAIN}{{5,30}}\.{PLAIN}{{4,6}}\.acc[_-]{WORD}{{8}})", r"[A-Za-z0-9_.-]*"
    ),
    Secret("firebase_key", ":APA91b", rf":(APA91b{WORD}{{40}})", hint=":APA91b", more=r"[\w-]{8}"),
    Secret(
        "telegram_token", ":AA", r"(?<=[0-9]{8}):(AA[A-Za-z0-9_-]{33})", hint=":AA", more=r"[\w-]{8}", holds=is_varied
    ),
    Secret(
        "discord_token",
        ".",
        r"(?<=[A-Za-z0-9_-]{8})\.([A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27})",
        hint=r"\.[\w-]{6}\.[\w-]{12}",
        holds=is_random,
    ),
    Secret("azure_secret", "Q~", r"(?<=[0-9])(Q~[A-Za-z0-9_.~-]{31})", r"[A-Za-z0-9_.~-]*", "Q~", r"[\w.~-]{8}"),
    Secret(
        "terraform_token", ".atlasv1.", r"(\.atlasv1\.[A-Za-z0-9_=-]{50})", r"[A-Za-z0-9_=-]*", r"\.atlasv1\.[\w=-]{8}"
    ),
    Secret("maxmind_key", "_", r"(?<=[A-Za-z0-9]{6})(_[A-Za-z0-9]{29}_mmk)", hint=r"_[A-Za-z0-9]{29}_mmk"),
    Secret(
        "webhook",
        "hooks.slack.com",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9_+/-]{10})",
        r"[A-Za-z0-9_+/-]*",
        r"hooks\.slack\.com",
    ),
    Secret(
        "webhook",
        "/webhooks",
        r"/webhooks/[0-9]{5,24}/([A-Za-z0-9_-]{20})",
        hint=r"/webhooks",
    ),
    Secret("webhook", "/webhookb2", r"/webhookb2/([A-Za-z0-9@-]{20})", r"[A-Za-z0-9@/-]*", "/webhookb2"),
    Secret("webhook", "/hooks", r"/hooks/catch/([0-9]{4,12}/[A-Za-z0-9]{4})", r"[A-Za-z0-9/]*", "/hooks"),
]
