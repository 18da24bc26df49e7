"""Made-up secrets of every kind, drawn from a seed when a test runs: none stands whole in this file."""

import json
import random
import re
import string
from collections.abc import Iterator
from dataclasses import dataclass

ALPHABETS = {
    "a": string.ascii_letters + string.digits,
    "w": string.ascii_letters + string.digits + "_-",
    "b": string.ascii_letters + string.digits + "+/",
    "h": "0123456789abcdef",
    "u": string.ascii_uppercase + string.digits,
    "l": string.ascii_lowercase + string.digits,
    "d": string.digits,
    "p": string.ascii_letters + string.digits + "!#%*+-_",
}
"""What `<a20>` and its like in a shape are drawn from: twenty letters and digits."""

UUID = "<h8>-<h4>-4<h3>-a<h3>-<h12>"

KEYS = {
    # Models.
    "openai": "sk-<a20>T3Blbk<a22>",
    "openai project": "sk-proj-<w140>",
    "openai service account": "sk-svcacct-<w140>",
    "openai admin": "sk-admin-<w140>",
    "anthropic": "sk-ant-api03-<w93>AA",
    "anthropic admin": "sk-ant-admin01-<w93>AA",
    "anthropic session": "sk-ant-oat01-<w90>",
    "openrouter": "sk-or-v1-<h64>",
    "deepseek": "sk-<h32>",
    "langfuse": f"sk-lf-{UUID}",
    "google": "AIza<w35>",
    "google, newer": "AQ.Ab8<w47>",
    "google session": "ya29.a0<w120>",
    "google refresh": "1//0<w60>",
    "google client secret": "GOCSPX-<w28>",
    "groq": "gsk_<a52>",
    "xai": "xai-<a80>",
    "hugging face": "hf_<a34>",
    "hugging face organization": "api_org_<a34>",
    "replicate": "r8_<a37>",
    "perplexity": "pplx-<a48>",
    "fireworks": "fw_<a22>",
    "cerebras": "csk-<l48>",
    "elevenlabs": "sk_<h48>",
    "voyage": "pa-<w43>",
    "nvidia": "nvapi-<w64>",
    "langsmith": "lsv2_pt_<h32>_<h10>",
    "langsmith service": "lsv2_sk_<h32>_<h10>",
    "together": "tgp_v1_<w43>",
    "tavily": "tvly-<a32>",
    "firecrawl": "fc-<h32>",
    "pinecone": "pcsk_<a6>_<a60>",
    "runpod": "rpa_<u46>",
    "jina": "jina_<h32><w28>",
    "llamacloud": "llx-<a48>",
    "e2b": "e2b_<h40>",
    "bedrock": "ABSK<b128>",
    "databricks": "dapi<h32>",
    "weights and biases": "wandb_v1_<w60>",
    "cursor": "crsr_<h64>",
    "helicone": "sk-helicone-<l7>-<l7>-<l7>-<l7>",
    "cartesia": "sk_car_<a22>",
    "chutes": "cpk_<h32>.<h32>.<a32>",
    "openpipe": "opk_<h42>",
    "parasail": "psk-<a44>",
    "brave": "BSA<w28>",
    "hugging face session": "hf_oauth_<a60>",
    # Clouds.
    "aws id": "AKIA<u16>",
    "aws session id": "ASIA<u16>",
    "aws session": "IQoJb3JpZ2lu<b200>",
    "aws marketplace": f"amzn.mws.{UUID}",
    "alibaba": "LTAI<a20>",
    "tencent": "AKID<a32>",
    "yandex": "AQVN<w36>",
    "yandex session": "t1.<w60>.<w86>",
    "cloudflare user": "cfut_<a48>",
    "cloudflare account": "cfat_<a48>",
    "cloudflare origin": "v1.0-<h24>-<h146>",
    "digitalocean": "dop_v1_<h64>",
    "digitalocean application": "doo_v1_<h64>",
    "digitalocean refresh": "dor_v1_<h64>",
    "fly": "fo1_<w43>",
    "fly macaroon": "fm2_<b120>",
    "heroku": "HRKU-AA<w58>",
    "netlify": "nfp_<a40>",
    "render": "rnd_<a32>",
    "vercel": "vcp_<a56>",
    "vercel blob": "vercel_blob_rw_<a16>_<a30>",
    "scalingo": "tk-us-<w48>",
    "supabase": "sbp_<h40>",
    "supabase secret": "sb_secret_<w31>",
    "neon": "napi_<l64>",
    "neon password": "npg_<a16>",
    "planetscale": "pscale_tkn_<w43>",
    "planetscale session": "pscale_oauth_<w43>",
    "planetscale password": "pscale_pw_<w43>",
    "mongodb": "mdb_sa_sk_<w40>",
    "clickhouse": "4b1d<a38>",
    "aiven": "AVNS_<w19>",
    "tailscale": "tskey-auth-<a17>-<a32>",
    "defined networking": "dnkey-<l26>-<l52>",
    "openshift": "sha256~<w43>",
    "pulumi": "pul-<h40>",
    "terraform": "<a14>[[.atlasv1.<w64>]]",
    "vault": "hvs.<w95>",
    "vault batch": "hvb.<w140>",
    "doppler": "dp.pt.<a43>",
    "doppler service": "dp.st.prd.<a43>",
    "doppler command line": "dp.ct.<a43>",
    "1password account": "ops_eyJ<b260>",
    "1password": "A3-<u6>-<u6>-<u5>-<u5>-<u5>-<u5>",
    "age": "AGE-SECRET-KEY-1<u58>",
    "azure client secret": "<a3>8[[Q~<w34>]]",
    # Code and packages.
    "github": "ghp_<a36>",
    "github session": "gho_<a36>",
    "github app": "ghs_<a36>",
    "github user of an app": "ghu_<a36>",
    "github refresh": "ghr_<a76>",
    "github fine-grained": "github_pat_<a22>_<a59>",
    "gitlab": "glpat-<w20>",
    "gitlab routable": "glpat-<w27>.0<h2>.<h9>",
    "gitlab runner registration": "glrtr-<w20>",
    "gitlab deploy": "gldt-<w20>",
    "gitlab runner": "glrt-<w20>",
    "gitlab job": "glcbt-<a2>_<w20>",
    "gitlab trigger": "glptt-<h40>",
    "gitlab agent": "glagent-<w50>",
    "gitlab application": "gloas-<w64>",
    "gitlab feed": "glft-<w20>",
    "gitlab registration": "GR1348941<w20>",
    "atlassian": "ATATT3<w180>=<h8>",
    "bitbucket": "ATBB<a32>",
    "npm": "npm_<a36>",
    "pypi": "pypi-AgEIcHlwaS5vcmc<w160>",
    "rubygems": "rubygems_<h48>",
    "crates": "cio<a32>",
    "nuget": "oy2<l43>",
    "clojars": "CLOJARS_<h60>",
    "docker": "dckr_pat_<w27>",
    "docker organization": "dckr_oat_<w32>",
    "artifactory": "AKCp<a69>",
    "artifactory reference": "cmVmdGtuO<a55>",
    "circleci": "CCIPAT_<a22>_<h40>",
    "buildkite": "bkua_<h40>",
    "sonar": "squ_<h40>",
    "sourcegraph": "sgp_<h16>_<h40>",
    "harness": "pat.<w22>.<a24>.<a20>",
    "octopus": "API-<u26>",
    "postman": "PMAK-<h24>-<h34>",
    "prefect": "pnu_<a36>",
    "readme": "rdme_<l70>",
    "infracost": "ico-<a32>",
    "settlemint": "sm_pat_<a16>",
    "adobe": "p8e-<l32>",
    "intra42": "s-s4t2ud-<h64>",
    # Watching, sending, selling, writing together.
    "new relic": "NRAK-<u27>",
    "new relic insert": "NRII-<w32>",
    "grafana cloud": "glc_<a80>",
    "grafana": "glsa_<a32>_<h8>",
    "grafana, older": "eyJrIjoi<a90>",
    "sentry organization": "sntrys_eyJ<b100>_<b43>",
    "sentry user": "sntryu_<h64>",
    "dynatrace": "dt0c01.<u24>.<u64>",
    "honeycomb": "hcaik_<l58>",
    "posthog": "phx_<a43>",
    "launchdarkly": f"sdk-{UUID}",
    "slack bot": "xoxb-<d12>-<d13>-<a24>",
    "slack user": "xoxp-<d12>-<d12>-<d12>-<h32>",
    "slack configuration": "xoxe.xoxp-1-<a160>",
    "slack app": "xapp-1-<u11>-<d13>-<h64>",
    "slack webhook": "https://hooks.slack.com/services/[[<u11>/<u11>/<a24>]]",
    "discord": "MTE<a21>.[[<w6>.<w38>]]",
    "discord webhook": "https://discord.com/api/webhooks/<d19>/[[<w68>]]",
    "teams webhook": f"https://x.webhook.office.com/webhookb2/[[{UUID}@{UUID}/IncomingWebhook/<h32>/{UUID}]]",
    "telegram": "<d10>:[[AA<w33>]]",
    "sendgrid": "SG.<w22>.<w43>",
    "mailgun": "key-<h32>",
    "brevo": "xkeysib-<h64>-<a16>",
    "resend": "re_<a8>_<a24>",
    "twilio": "SK<h32>",
    "stripe": "sk_live_<a99>",
    "stripe restricted": "rk_live_<a99>",
    "stripe test": "sk_test_<a24>",
    "stripe webhook": "whsec_<a32>",
    "square": "EAAA<w60>",
    "square, older": "sq0atp-<w22>",
    "square secret": "sq0csp-<w43>",
    "paypal": "access_token$production$<l16>$<h32>",
    "plaid": f"access-production-{UUID}",
    "razorpay": "rzp_live_<a14>",
    "flutterwave": "FLWSECK_TEST-<h32>-X",
    "shopify": "shpat_<h32>",
    "shopify custom": "shpca_<h32>",
    "shopify private": "shppa_<h32>",
    "shopify shared": "shpss_<h32>",
    "easypost": "EZAK<a54>",
    "shippo": "shippo_live_<h40>",
    "duffel": "duffel_live_<w43>",
    "facebook": "EAAM<a120>",
    "salesforce": "00D<a15>!<a96>",
    "linear": "lin_api_<a40>",
    "linear application": "lin_oauth_<h64>",
    "notion": "ntn_<d11><a35>",
    "notion, older": "secret_<a43>",
    "figma": "figd_<w40>",
    "typeform": "tfp_<w59>",
    "hubspot": f"pat-na1-{UUID}",
    "airtable": "pat<a14>[[.<h64>]]",
    "contentful": "CFPAT-<w43>",
    "frame.io": "fio-u-<w64>",
    "dropbox": "sl.<w140>",
    "linkedin": "WPL_AP1.<a16>.<a8>",
    "maxmind": "<a6>[[_<a29>_mmk]]",
    "authress": "sc_<a12>.<a5>.acc_<a14>.<a64>",
    "axiom": f"xaat-{UUID}",
    "trigger.dev": "tr_prod_<a20>",
    "inngest": "signkey-prod-<h64>",
    "stytch": "secret-live-<w36>=",
    "clickup": "pk_<d8>_<u32>",
    "nats": "SUA<u55>",
    "firebase": "AAAA<a7>:[[APA91b<w134>]]",
    "google code": "code=[[4/0A<w70>]]&scope=email",
    "jwt in base64": "ZXlKaGJHY2lPaUpJVXpJMU5pSXNJblI1Y0NJNklrcFhWQ0o5<a90>",
    "private key in base64": "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk<b400>",
    "jwt": "eyJ<a33>.eyJ<w80>.<w43>",
    # What is a secret by its form.
    "private key": "-----BEGIN PRIVATE KEY-----\n[[<b64>\n<b64>\n<b40>]]\n-----END PRIVATE KEY-----",
    "ssh key": "-----BEGIN OPENSSH PRIVATE KEY-----\n[[<b70>\n<b70>\n<b40>]]\n-----END OPENSSH PRIVATE KEY-----",
    "pgp key": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n[[<b64>\n<b64>]]\n-----END PGP PRIVATE KEY BLOCK-----",
    "postgres": "postgres://app:[[<a14>]]@db.example:5432/main",
    "redis": "redis://:[[<a24>]]@cache.example:6379/0",
    "mongodb address": "mongodb+srv://app:[[<p16>]]@cluster0.abcde.mongodb.net/?retryWrites=true",
    "sentry address": "https://[[<h32>]]@o447951.ingest.sentry.io/5428537",
    "azure storage": "DefaultEndpointsProtocol=https;AccountName=logs;AccountKey=[[<b86>==]];EndpointSuffix=core.windows.net",
    "azure service bus": "Endpoint=sb://x.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=[[<b43>=]]",
    "azure shared access": "https://x.blob.core.windows.net/a/b?sv=2022-11-02&se=2026-01-01&sr=b&sp=r&sig=[[<a43>%3D]]",
    "sql server": "Server=tcp:x.database.windows.net,1433;User ID=app;Password=[[<p16>]];Encrypt=True;",
    "aws signature": "https://b.s3.amazonaws.com/k?X-Amz-Date=20260101T000000Z&X-Amz-Signature=[[<h64>]]",
    "curl user": "curl -u admin:[[<p14>]] https://example.com",
    "okta header": "Authorization: SSWS [[00<w40>]]",
    "key and secret": f"Authorization: Key [[{UUID}:<h32>]]",
    "honeycomb header": "X-Honeycomb-Team: [[<a22>]]",
    "netrc": "machine api.example.com login bob password [[<p14>]]",
    "sshpass": "sshpass -p [[<p14>]] ssh root@host.example",
    "mysql": "mysql -u root -p[[<p14>]] main",
    "redis command": "redis-cli -h cache.example -a [[<a20>]] ping",
    "php": "define('DB_PASSWORD', '[[<p14>]]');",
    "nuget password": '<add key="ClearTextPassword" value="[[<p16>]]" />',
    "sidekiq": "BUNDLE_ENTERPRISE__CONTRIBSYS__COM=[[<h8>:<h8>]]",
    "kubernetes client": "client-key-data: [[<b200>]]",
    "in a table": "| API key | `[[<a32>]]` |",
    "in bold": "**Password:** [[<p16>]]",
    "aligned": "password             = '[[<p16>]]'",
    "npmrc": "//registry.example/:_authToken=[[<h8>-<h4>-<h4>-<h4>-<h12>]]",
}
"""How keys look that are known wherever they stand; in brackets what is secret, where that is a part."""

NAMED = {
    "password": "<p12>",
    "passwd": "<a10>",
    "db_password": "<p16>",
    "passphrase": "<a20>",
    "pwd": "<p10>",
    "client_secret": "<w32>",
    "secret": "<a24>",
    "secret_key": "<w50>",
    "jwt_secret": "<h64>",
    "webhook_secret": "<h40>",
    "signing_secret": "<h32>",
    "signing_key": "<b44>",
    "encryption_key": "<b43>=",
    "private_key": "0x<h64>",
    "token": "<a32>",
    "access_token": "<w64>",
    "refresh_token": "<w64>",
    "auth_token": "<h32>",
    "bot_token": "<w40>",
    "session_token": "<b80>",
    "api_key": "<h32>",
    "apikey": "<a32>",
    "api-key": "<h32>",
    "x-api-key": "<a40>",
    "api_token": "<h40>",
    "api_secret": "<a45>",
    "account_key": "<b86>==",
    "access_key": "<a40>",
    "master_key": "<a40>",
    "license_key": "<u8>-<u8>-<u8>",
    "subscription_key": "<h32>",
    "service_role_key": "<w60>",
    "aws_secret_access_key": "<b40>",
    "azure_openai_api_key": "<a84>",
    "cohere_api_key": "<a40>",
    "mistral_api_key": "<a32>",
    "deepgram_api_key": "<h40>",
    "assemblyai_api_key": "<h32>",
    "datadog_api_key": "<h32>",
    "heroku_api_key": UUID,
    "twilio_auth_token": "<h32>",
    "vercel_token": "<a24>",
    "cloudflare_api_token": "<w40>",
    "cloudflare_api_key": "<h37>",
    "okta_api_token": "00<w40>",
    "snyk_token": UUID,
    "postmark_server_token": UUID,
    "twitter_api_secret": "<a50>",
    "mapbox_secret_token": "sk.<a60>.<w22>",
    "azure_devops_ext_pat": "<l52>",
    "contraseña": "<p14>",
    "algolia_admin_api_key": "<h32>",
}
"""Values that are recognized by their names."""


@dataclass(frozen=True)
class Case:
    """A secret of some kind in some place: the text, and what of it may not be shown."""

    kind: str
    place: str
    text: str
    secret: str


def drawn(shape: str, seed: object) -> tuple[str, str]:
    """Return a text of that shape, and what of it is secret."""
    luck = random.Random(f"{shape} {seed}")
    text = re.sub(r"<(\w)(\d+)>", lambda asked: "".join(luck.choices(ALPHABETS[asked[1]], k=int(asked[2]))), shape)
    before, opened, rest = text.partition("[[")
    secret, _, after = rest.partition("]]")
    return (before + secret + after, secret) if opened else (text, text[len(shape.partition("<")[0]) :])


def cases(seed: object) -> Iterator[Case]:
    """Yield each kind in each of six places."""
    for kind, shape in KEYS.items():
        text, secret = drawn(shape, seed)
        for place, around in _places("note", text, f"We tried it with {text} yesterday, and it failed."):
            yield Case(kind, place, around, secret)
    for name, shape in NAMED.items():
        text, secret = drawn(shape, seed)
        words = name.replace("_", " ").replace("-", " ")
        for place, around in _places(name, text, f"Then the {words} is {text} since Monday."):
            yield Case(name, place, around, secret)


def _places(name: str, text: str, prose: str) -> Iterator[tuple[str, str]]:
    yield "prose", prose
    yield "JSON", json.dumps({"id": 7, name: text, "next": "kept"})
    yield "JSON in JSON", json.dumps({"arguments": json.dumps({"id": 7, name: text, "next": "kept"}), "n": 1})
    line = text.replace("\n", "\\n")
    yield "environment", f"DEBUG=1\n{name.upper().replace('-', '_')}={line}\nPORT=8080\n"
    yield "header", f"curl https://api.example.com/v1 -H 'X-{name.replace('_', '-').title()}: {line}' -d '{{}}'"
    yield "code", f'import x\n\n{name.replace("-", "_")} = "{line}"\nclient = x.Client(timeout=3)\n'


def shown(secret: str, text: str) -> str:
    """Return a part of eight characters of a secret, or all of a shorter one, that a text shows; empty for none."""
    size = min(8, len(secret))
    parts = (secret[start : start + size] for start in range(len(secret) - size + 1))
    return next((part for part in parts if part in text or json.dumps(part)[1:-1] in text), "")
