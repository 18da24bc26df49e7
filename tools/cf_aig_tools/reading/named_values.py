"""Secrets recognized by their name: headers, settings, JSON fields, connection strings."""

from collections.abc import Callable

from cf_aig_tools.reading.secret_values import (
    is_given,
    is_key,
    is_literal,
    is_login,
    is_long,
    is_password,
    is_random,
    is_sent,
)
from cf_aig_tools.reading.secrets import Secret, many

_SCHEME = r"(?i:bearer|basic|token|digest|key|bot|ssws|api-?key|aws4-hmac-sha256)\s{1,4}"
_DIGIT_NEAR = r"(?=[A-Za-z0-9._~+/=%-]{0,64}[0-9])"
_QUOTE = r"[\"'`]"

_NOT_OF_IT = (
    r"(?!(?i:(?:[a-z]{0,8}[_.-]){0,2}[a-z]{0,8}?[_.-]?(?:len|min|max|count|limit|reset|url|uri|link|policy|hint|field"
    r"|label|strength|expir|ttl|age|file|path|name|type|id|ids|endpoint|usage|budget|format|version|algorithm|scope|spec"
    r"|last|changed|updated|created|class)(?![a-z])))"
)
"""Continuations of a name that make it describe a secret rather than hold one."""

_SET = (
    rf"[\w.-]{{0,24}}(?:[\"'`]\]?)?(?:\s{{0,24}}"
    rf"(?::\s{{0,4}}&?[\w\[\]|.]{{1,30}}\s=\s{{0,4}}(?={_QUOTE})|:=|=>|={{1,3}}|:|>(?=[^\s<>\"']{{4,100}}</)|\*{{0,2}}[:|]\*{{0,2}})\s{{0,4}}"
    rf"|{_QUOTE}\s{{1,4}}(?i:value)\s{{0,4}}=\s{{0,4}}"
    rf"|{_QUOTE}\s{{0,4}},\s{{0,4}}{_QUOTE}(?i:value){_QUOTE}\s{{0,4}}:\s{{0,4}}"
    r"|\s{1,24}value:\s{0,4}"
    r"|\s{1,4}(?:is|was)\s{1,4})"
)
_VALUE = rf"(?:[bBrRuUfF@$]{{0,2}}{_QUOTE}([^\"'`\s]{{4,64}})|([^\s\"'`,;&<>()\[\]{{}}|]{{4,64}}+)(?![(\[]))"
_QUOTED = rf"[bBrRuUfF@$]{{0,2}}{_QUOTE}([^\"'`\s]{{8,64}})"
_PAIRED = rf"[\w.-]{{0,24}}{_QUOTE}\s{{0,4}},\s{{0,4}}{_QUOTE}([^\"'`\s]{{8,64}})"
_LOOSE = r"\s{1,3}[\"'`]?([^\s\"'`,;&<>()\[\]{}|]{10,64}+)"
_REST = r"[^\s\"'`,;&<>()\[\]{}|]*"
_REST_QUOTED = r"[^\"'`\s]*"

_BLANK = r"(?:\s|\\[nrt])*"
_OPENS = r"[\\\"'`\[]*"
_GIVEN = (
    rf"[\w.-]*[\\\"'`\]\s:=>,*|][\\\"'`\]]*{_BLANK}(?:(?:[:=>*|]+|,|is|was){_BLANK})?"
    rf"(?:{_OPENS}value{_OPENS}{_BLANK}[:=]{_BLANK}|[\w.\[\]|&]+\s={_BLANK})?"
)
_WRITTEN = r"[^\s,;\"'`{}\[\]()<>\\]*"
_SIGN = r"[0-9!@#$%^&*?+/~\\]"
_MIXED = (
    rf"{_OPENS}[bruf@$]?{_OPENS}(?:{_WRITTEN}[a-z]{_WRITTEN}{_SIGN}|{_WRITTEN}{_SIGN}{_WRITTEN}[a-z]|(?-i:[A-Za-z]*[a-z][A-Z]))"
    r"|[\\\[]*[bruf@$]?[\"'`]\w{8}"
)
_GIVEN_RANDOM = f"{_GIVEN}(?:{_MIXED})"
_GIVEN_ANY = rf"{_GIVEN}(?:{_MIXED}|{_OPENS}{_SIGN}{{4}})"
_SET_SIGN = rf"[\\\"']*{_BLANK}[:=,]"
"""What follows the name of a random-looking secret or a password in a stored text, for hints."""

_LOGIN = r"(?i:pass(?:w(?:or[dt]|d)|phrase|code)|(?:(?<![a-z])|(?<=db)|(?<=my)|(?<=er))pass(?![a-z])|pwd|pswd)"
_FOREIGN = [
    ("contrase", "contrase[nñ]a", r"contrase\S{1,20}a"),
    ("senha", "senha", "senha"),
    ("passe", "mot[ _]de[ _]passe", "passe"),
    ("kennwort", "kennwort", "kennwort"),
    ("wachtwoord", "wachtwoord", "wachtwoord"),
]
"""Passwords in other languages: the beginning of the name, the name, and its hint."""

_COMMANDS = [
    ("sshpass", r"sshpass\s{1,4}-p\s{0,4}", r"\s+-p"),
    ("mysql", r"mysql\w{0,8}\s[^\n;|]{0,90}?(?<=\s)-p", r"\w*\s[^\n;|]*-p"),
    ("redis-cli", r"redis-cli\s[^\n;|]{0,90}?(?<=\s)-a\s{1,4}", r"\s[^\n;|]*-a\s"),
    ("login", r"login\s{1,4}[^\s]{1,64}\s{1,4}password\s{1,4}", r"(?:\s|\\[nrt])+[^\s]+(?:\s|\\[nrt])+password"),
    (
        "define",
        r"define\(\s{0,4}[\"']\w{0,40}(?:pass|secret|key|token|salt|pwd)\w{0,16}[\"'],\s{0,4}",
        r"\(\s*[\\\"']+\w*(?:pass|secret|key|token|salt|pwd)",
    ),
    ("contribsys", r"contribsys(?:__|\.)com=", r"(?:__|\.)com="),
]
"""Commands and statements that hold a password: a word, what leads to the password, and what follows for hints."""

_TOKENS = (
    r"(?i:(?<!page)(?<!page[_-])(?<!next)(?<!next[_-])(?<!csrf[_-])(?<!sync[_-])(?<!uation[_-])token)(?!(?i:iz|s))"
)
_KEYS = [
    ("api", r"api[_ .-]?key"),
    ("app", r"app(?:lication)?[_ .-]?key"),
    ("auth", r"auth(?:entication|orization)?[_ .-]?key"),
    ("access", r"access[_ .-]?key"),
    ("account", r"account[_ .-]?key"),
    ("private", r"private[_ .-]?key"),
    ("encrypt", r"encrypt(?:ion)?[_ .-]?key"),
    ("sign", r"sign(?:ing|ature)?[_ .-]?key"),
    ("master", r"master[_ .-]?key"),
    ("service", r"service[_ .-]?(?:role[_ .-]?)?key"),
    ("licen", r"licen[cs]e[_ .-]?key"),
    ("subscription", r"subscription[_ .-]?key"),
    ("shared", r"shared[_ .-]?(?:access[_ .-]?)?key"),
    ("consumer", r"consumer[_ .-]?key"),
    ("deploy", r"deploy[_ .-]?key"),
    ("function", r"functions?[_ .-]?key"),
    ("storage", r"storage[_ .-]?key"),
    ("admin", r"admin[_ .-]?key"),
    ("ingest", r"ingest(?:ion)?[_ .-]?key"),
    ("write", r"write[_ .-]?key"),
    ("cred", r"cred(?:ential)?s?"),
    ("client-key", r"client[_-]key"),
    ("_pat", r"_pat"),
    ("_auth", r"_auth"),
    ('"auth', r"\"auth"),
]
"""Keys by the beginning of their name; an all-caps name with `=` counts for any kind of key."""


def _named(
    kind: str, literal: str, name: str, *, hint: str = "", quoted: Callable[[str], bool] = is_key
) -> list[Secret]:
    """Return the shapes of a value that must be random: assigned to a name, listed after it, or (if long) beside it."""
    looks = (
        (name + _NOT_OF_IT + _SET + _VALUE, _REST, is_long),
        (name + _NOT_OF_IT + _SET + _QUOTED, _REST_QUOTED, quoted),
        (name + _NOT_OF_IT + _PAIRED, _REST_QUOTED, is_random),
        (rf"{name}(?:[\w-]{{0,16}}){_LOOSE}", _REST, is_given),
    )
    return [Secret(kind, literal, shape, rest, hint or literal, _GIVEN_RANDOM, holds) for shape, rest, holds in looks]


def _header(kind: str, literal: str, name: str = "", hint: str = "") -> list[Secret]:
    """Return the patterns of a header value: listed, quoted, in a list of pairs, or on its own line."""
    name = f"(?i:{name or literal})"
    listed = r"[\"']?\s{0,4}:\s{0,4}\[\s{0,64}[\"']([^\"'\s]{8})"
    quoted = rf"[\"']?\s{{0,4}}[:=]\s{{0,4}}\[?\s{{0,4}}[\"']((?:{_SCHEME})?[^\"'\s\[$<{{][^\"'\s]{{7,64}})"
    paired = r"[\"']\s{0,4},\s{0,4}(?:[\"']value[\"']\s{0,4}:\s{0,4})?[\"']([^\"'\s]{8,64})"
    schemed = rf"\s{{0,4}}[:=]\s{{0,4}}({_SCHEME}[A-Za-z0-9][^\s\"',;]{{0,64}})"
    bare = rf"\s{{0,4}}[:=]\s{{0,4}}{_DIGIT_NEAR}([A-Za-z0-9._~+/=%-]{{8}})"
    seen = hint or literal
    return [
        Secret(kind, literal, name + listed, r"(?:[^\"'\r\n]|[\"']\s{0,64},\s{0,64}[\"'])*", seen, _SET_SIGN),
        Secret(kind, literal, f"{name}(?:{quoted}|{schemed})", r"[^\"'\r\n]*", seen, _SET_SIGN, is_sent),
        Secret(kind, literal, name + paired, r"[^\"'\r\n]*", seen, _SET_SIGN, is_random),
        Secret(kind, literal, name + bare, r"[^\s\"',;&]*", seen, _SET_SIGN, is_literal),
    ]


def _password(literal: str, name: str, hint: str = "") -> Secret:
    shape = f"(?i:{name}){_NOT_OF_IT}{_SET}{_VALUE}"
    return Secret("login_password", literal, shape, _REST, hint or literal, _GIVEN_ANY, is_password)


NAMED = [
    Secret(
        "cloudflare_token",
        "cloudflare",
        rf"(?i:cloudflare[\w-]{{0,16}}token)[\"']?[\s:=]{{1,4}}[\"']?({many('[A-Za-z0-9_-]', 40)})",
        hint="cloudflare",
        more=r"[\w-]*token[\s:=\\\"']+[\w/+]{8}",
    ),
    Secret(
        "aws_secret_key",
        "access",
        rf"(?i:access.?key)[\"']?[\s:=]{{1,8}}[\"']?({many('[A-Za-z0-9/+=]', 30)})",
        r"[A-Za-z0-9/+=_-]*",
        "access.?key",
        r"[\s:=\\\"']+[\w/+]{8}",
    ),
    Secret(
        "private_key",
        "-----begin ",
        r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----\s{0,8}"
        r"(?:[A-Za-z0-9+/]{8}|Proc-Type|Version|Comment))",
        r"(?:[^-\"'<>{}]|-(?!-))*(?:-----END [A-Z0-9 ]{0,40}-{0,5})?",
        "-----begin",
        r" [a-z0-9 ]*private key",
    ),
    Secret(
        "private_key",
        "private-lines:",
        r"(?i:private-lines:)\s{0,4}[0-9]{1,4}\s{1,4}([A-Za-z0-9+/=]{16})",
        r"[A-Za-z0-9+/=\s]*",
        "private-lines:",
    ),
    Secret(
        "jwk_private_key",
        '"d"',
        r"\"d\"\s{0,4}:\s{0,4}\"([A-Za-z0-9_-]{40})",
        hint='"d\\\\*"',
        more=r"\s*:\s*\\*\"[\w-]{16}",
        holds=is_random,
    ),
    Secret(
        "database_password",
        "://",
        r"://[^\s:/@\"'<>]{0,64}:([^\s@/\"'<>]{1,200}+)@",
        "",
        r":\\*/\\*/",
        r"[^\s:/@\"'<>]*:[^\s@\"'<>]+@",
        is_literal,
    ),
    Secret("sentry_key", "://", r"://([0-9a-f]{32})@", "", r":\\*/\\*/", "[0-9a-f]{32}@"),
    Secret(
        "bearer_token",
        "bearer",
        rf"(?i:bearer)(?:\s{{1,4}}|%20){_DIGIT_NEAR}([A-Za-z0-9._~+/=-]{{8}})",
        r"[A-Za-z0-9._~+/=-]*",
        "bearer",
        r"(?:\s|\\[nrt]|%20)+[^\s,;]*[0-9]",
    ),
    Secret(
        "basic_credentials",
        "basic",
        r"(?i:basic)\s{1,4}([A-Za-z0-9+/]{8,64})",
        r"[A-Za-z0-9+/=_-]*",
        "basic",
        r"(?:\s|\\[nrt])+(?:[A-Za-z0-9+/=-]|\\+/){8}",
        is_random,
    ),
    *_header("api_key", "api", r"api.?key", r"api.?key"),
    *_header("api_key", "auth-key", "auth-key"),
    *_header("api_key", "honeycomb-team"),
    *_header("authorization", "authorization"),
    *_header("client_secret", "client-secret"),
    *_header("cookie", "cookie"),
    Secret(
        "cookie",
        "cookie",
        r"(?i:cookie):\s{0,4}([\w!#$%&*+.^`|~-]{1,80}=[^\s\"';]{4})",
        r"[^\"'\r\n]*",
        "cookie",
        _SET_SIGN,
    ),
    *(
        Secret(
            "login_password",
            flag,
            rf"(?<=\s){flag}[ =]{_QUOTE}?[^\s:\"']{{1,64}}:([^\s\"']{{3,64}})",
            _REST_QUOTED,
            f"{flag}[ =]",
            r"[^\s:]+:[^\s]",
            is_login,
        )
        for flag in ("-u", "--user")
    ),
    *(_password(*names) for names in (("pass", _LOGIN), ("pwd", _LOGIN), ("pswd", _LOGIN), *_FOREIGN)),
    *(
        Secret(
            "login_password", word, f"(?i:{shape})" + r"[\"']?([^\s\"']{4,64})", _REST_QUOTED, word, more, is_password
        )
        for word, shape, more in _COMMANDS
    ),
    Secret(
        "login_password",
        "pass",
        r"(?i:(?<=-)password|password(?=\s[\"']))[\w-]{0,16}\s{1,2}[\"']?([^\s\"'`,;&<>()\[\]{}|]{4,64}+)",
        _REST_QUOTED,
        "pass",
        _GIVEN_ANY,
        is_password,
    ),
    Secret(
        "signature",
        "sig",
        r"(?i:(?<=[?&;])sig(?:nature)?|(?<=amz-)signature)=([A-Za-z0-9%/+=_-]{20,64})",
        r"[A-Za-z0-9%/+=_-]*",
        "sig(?:nature)?=",
        r"[\w%/+\\-]{8}",
        is_random,
    ),
    *_named("client_secret", "client", r"(?i:client[_ .-]?secret)", hint="client[_ .-]?secret"),
    *_named("secret_value", "secret", r"(?i:secret(?:[_ .-]?key)?)", hint="secret(?:[_ .-]?key)?"),
    *_named("access_token", "token", _TOKENS, quoted=is_long),
    *(each for literal, name in _KEYS for each in _named("secret_key", literal, f"(?i:{name})(?![a-z])", hint=name)),
    Secret(
        "secret_key",
        "_key",
        r"(?:(?<=[A-Z0-9])_|(?<![A-Za-z0-9_]))KEY=[\"']?([^\s\"']{16,64})",
        _REST,
        "_?key=",
        r"\\*[\"']?\w",
        is_long,
    ),
]
