"""Configuration from the environment and from flags, which take precedence."""

import os
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FilePath,
    SecretStr,
    model_validator,
)

from cf_aig_gateway.logs import LogSystem
from cf_aig_server.paths import data_folder

KEY_PREFIX = "AI_GATEWAY_KEY_"


def is_loopback(host: str) -> bool:
    """Whether a host name or address belongs to this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _base_url(value: str) -> str:
    parts = urlsplit(value)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname))):
        raise ValueError(
            f"must begin with https:// or be on this machine, because a token is sent to it (got {value[:80]!r})"
        )
    return value.rstrip("/")


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _names(value: object) -> object:
    return [name for name in value.replace(",", " ").split() if name] if isinstance(value, str) else value


def _fields(value: object) -> object:
    """Parse `model=a.model, cost=a.cost`: the telemetry keys that contain fields of a log.

    Raises:
        ValueError: a part is not a pair, or there is no such field.

    """
    if not isinstance(value, str):
        return value
    from cf_aig_gateway.logs.fields import CANDIDATES  # noqa: PLC0415 (few accounts need it)

    pairs = [part.partition("=") for part in value.replace(",", " ").split()]
    for name, sign, key in pairs:
        if not sign or not key or name not in CANDIDATES:
            raise ValueError(f"must be FIELD=KEY pairs with the fields {', '.join(CANDIDATES)} (got {name[:80]!r})")
    return {name: key for name, _, key in pairs}


def _provider_keys() -> dict[str, SecretStr]:
    return {
        name.removeprefix(KEY_PREFIX).lower().replace("_", "-"): SecretStr(value)
        for name, value in os.environ.items()
        if name.startswith(KEY_PREFIX) and value
    }


def _expressions(path: Path) -> Path:
    """Reject a file of regular expressions that cannot be read, or that are not all linear-time."""
    from cf_aig_tools.reading.own_secrets import own_secrets  # noqa: PLC0415 (only where there is such a file)

    try:
        own_secrets(path)
    except OSError as error:
        raise ValueError(f"names {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"names {path}, which is not UTF-8 text") from None
    except ValueError as error:
        raise ValueError(f"names {path}, where {error}") from None
    return path


BaseURL = Annotated[str, AfterValidator(_base_url)]
Expressions = Annotated[FilePath, AfterValidator(_expressions)]
Names = Annotated[list[str], BeforeValidator(_names)]
Fields = Annotated[dict[str, str], BeforeValidator(_fields)]


LogLevel = Annotated[Literal["info", "warning"], BeforeValidator(_lower)]


class Settings(BaseModel):
    """Where the gateway is, how to reach it, and what a caller may do.

    What isn't given comes from the environment variable named beside it; an empty variable counts as none.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid")

    account_id: str = Field("", validation_alias="CLOUDFLARE_ACCOUNT_ID")
    api_token: SecretStr = Field(SecretStr(""), validation_alias="CLOUDFLARE_API_TOKEN")
    api_token_file: Path | None = Field(None, validation_alias="CLOUDFLARE_API_TOKEN_FILE")
    api_url: BaseURL = Field("https://api.cloudflare.com/client/v4", validation_alias="CLOUDFLARE_BASE_URL")
    data_url: BaseURL = Field("https://gateway.ai.cloudflare.com/v1", validation_alias="AI_GATEWAY_BASE_URL")
    gateway_id: str = Field("default", validation_alias="AI_GATEWAY_ID")
    gateway_token: SecretStr = Field(SecretStr(""), validation_alias="CF_AIG_TOKEN")
    provider_keys: dict[str, SecretStr] = Field(default_factory=_provider_keys)
    local: str = Field("", validation_alias="AI_GATEWAY_LOCAL", description="A path for the local gateway's file, or 1")
    read_only: bool = Field(False, validation_alias="AI_GATEWAY_READ_ONLY")
    tools: Names = Field([], validation_alias="AI_GATEWAY_TOOLS", description="Tools to offer; default: all")
    allow: Names = Field([], validation_alias="AI_GATEWAY_ALLOW", description="Gateways to allow; default: all")
    logs: LogSystem = Field("auto", validation_alias="AI_GATEWAY_LOGS", description="Where the account keeps its logs")
    log_fields: Fields = Field({}, validation_alias="AI_GATEWAY_LOG_FIELDS", description="field=key of telemetry, …")
    log_days: int = Field(
        30, ge=1, le=3650, validation_alias="AI_GATEWAY_LOG_DAYS", description="Days to look back, at most"
    )
    budget: int = Field(10_000, ge=200, le=10_000, validation_alias="AI_GATEWAY_BUDGET", description="Tokens, at most")
    mask: bool = Field(True, validation_alias="AI_GATEWAY_MASK")
    mask_also: Expressions | None = Field(None, validation_alias="AI_GATEWAY_MASK_ALSO")
    log_level: LogLevel = Field(
        "warning", validation_alias="AI_GATEWAY_LOG_LEVEL", description="info: one line per call"
    )
    channel: bool = Field(
        False, validation_alias="AI_GATEWAY_CHANNEL", description="Tell Claude Code when calls fail; stdio only"
    )
    http_token: SecretStr = Field(SecretStr(""), validation_alias="AI_GATEWAY_HTTP_TOKEN")
    http_token_file: FilePath | None = Field(None, validation_alias="AI_GATEWAY_HTTP_TOKEN_FILE")
    http_hosts: Names = Field([], validation_alias="AI_GATEWAY_HTTP_HOSTS", description="Host names callers may use")
    timeout_s: float = Field(50.0, gt=0, description="Seconds per call; clients give up at about 60")

    @model_validator(mode="before")
    @classmethod
    def _with_environment(cls, given: dict[str, Any]) -> dict[str, Any]:
        absent = [field.validation_alias for name, field in cls.model_fields.items() if name not in given]
        variables = [variable for variable in absent if isinstance(variable, str)]
        return {variable: value for variable in variables if (value := os.environ.get(variable))} | given

    def token(self) -> str:
        """Return the Cloudflare token; its file is read each time, so that a rotated token is picked up."""
        return _secret(self.api_token, self.api_token_file)

    def data_token(self) -> str:
        """Return the gateway's own token, or the Cloudflare token if there is none."""
        return self.gateway_token.get_secret_value() or self.token()

    def http_access(self) -> Callable[[], str] | None:
        """Return a function that gives the bearer token HTTP callers must send; None if none is configured."""
        if self.http_token_file or self.http_token.get_secret_value():
            return lambda: _secret(self.http_token, self.http_token_file)
        return None

    def missing(self) -> str:
        """Return what must be set before a gateway can be reached; empty if nothing is missing."""
        if self.local or (self.account_id and self.token()):
            return ""
        if self.api_token_file and not self.token():
            return f"CLOUDFLARE_API_TOKEN_FILE ({self.api_token_file}) cannot be read, or is empty."
        return "CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN must be set, or --local given."

    def local_path(self) -> Path | None:
        """Return the local gateway's file; None if the gateway is Cloudflare's."""
        if not self.local:
            return None
        return data_folder() / "gateway.db" if self.local == "1" else Path(self.local).expanduser()


def _secret(value: SecretStr, file: Path | None) -> str:
    """Return a secret, from its file if there is one; empty if the file cannot be read."""
    if file is None:
        return value.get_secret_value()
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
