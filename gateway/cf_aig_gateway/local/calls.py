"""What a provider is asked: one call, whatever form of request it came in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cf_aig_gateway.formats.identity import identity
from cf_aig_gateway.providers import provider_of
from cf_aig_gateway.shapes import as_text

VERSION = re.compile(r"v\d++(?:(?:alpha|beta)\d*+)?+/")
"""The version of an API, as paths begin with."""

SESSION_HEADERS = (
    "x-claude-code-session-id",  # Claude Code
    "session-id",  # Codex
    "session_id",  # Codex before
    "x-session-id",  # OpenCode
    "x-opencode-session",  # OpenCode, at its own provider
    "x-session-affinity",  # Workers AI's: developers.cloudflare.com/workers-ai/features/prompt-caching
)
"""By which clients name their session; what agents send was read off their calls on 2026-11-28."""

LONGEST_ID = 256
"""Characters of a session's id; what is longer is none."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request to a provider, `endpoint` below its base URL; `sent` is the same as it was encoded.

    `logged` is the body as the caller sent it; `headers` are meant for the provider, `asides` for the gateway. A
    `compatible` call is in OpenAI's form whoever the provider; an `enveloped` one's reply goes into Cloudflare's v4
    envelope; of a routed one, a dynamic route chose the model.
    """

    provider: str
    endpoint: str
    body: bytes = b""
    logged: bytes = b""
    content: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    asides: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    request_type: str = "provider"
    method: str = "POST"
    sent: str = ""
    query: str = ""
    account: str = ""
    compatible: bool = False
    enveloped: bool = False
    is_routed: bool = False

    @property
    def path(self) -> str:
        """Return the endpoint without a leading version, which callers may leave out."""
        return VERSION.sub("", self.endpoint, count=1)

    @property
    def model(self) -> str:
        """Return the model's name at its provider, from the body or the path."""
        named = self.endpoint.removeprefix("run/")
        if named.startswith("@"):
            return named
        return as_text(self.content.get("model")) or provider_of(self.provider).model_of(self.endpoint)

    @property
    def logged_model(self) -> str:
        """Return the model as logs name it: provider/model, and Workers AI's own names as they are."""
        return self.model if self.model.startswith("@") or not self.model else f"{self.provider}/{self.model}"

    @property
    def session(self) -> str | None:
        """Return the id of the session that the call is part of: the gateway's header, an agent's, or the body's."""
        named = self.asides.get("cf-aig-session-id") or next(filter(None, map(self.headers.get, SESSION_HEADERS)), "")
        session = named or identity(self.content).session
        return session if 0 < len(session) <= LONGEST_ID else None
