"""One call to a provider, whatever form of request it came in."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cf_aig_gateway.formats.identity import identity
from cf_aig_gateway.providers import provider_of
from cf_aig_gateway.shapes import as_text

VERSION = re.compile(r"v\d++(?:(?:alpha|beta)\d*+)?+/")
"""The version of an API at the start of a path."""

SESSION_HEADERS = (
    "x-claude-code-session-id",  # Claude Code
    "session-id",  # Codex
    "session_id",  # older Codex
    "x-session-id",  # OpenCode
    "x-opencode-session",  # OpenCode, at its own provider
    "x-session-affinity",  # Workers AI's: developers.cloudflare.com/workers-ai/features/prompt-caching
)
"""Headers in which clients name their session. Those of agents were observed in their calls on 2026-11-28."""

LONGEST_ID = 256
"""The most characters of a session id; longer values are ignored."""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request to a provider, with `endpoint` below its base URL; `sent` is the endpoint as encoded by the caller.

    `logged` is the body as the caller sent it; `headers` are for the provider, `asides` for the gateway. A `compatible`
    call is in OpenAI's format whatever the provider. The reply to an `enveloped` call goes into Cloudflare's v4
    envelope. For a routed call, a dynamic route chose the model.
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
        """The endpoint without a leading version, which callers may leave out."""
        return VERSION.sub("", self.endpoint, count=1)

    @property
    def model(self) -> str:
        """The provider's name for the model, from the body or the path."""
        named = self.endpoint.removeprefix("run/")
        if named.startswith("@"):
            return named
        return as_text(self.content.get("model")) or provider_of(self.provider).model_of(self.endpoint)

    @property
    def logged_model(self) -> str:
        """The model as logs name it: provider/model, or Workers AI's own names unchanged."""
        return self.model if self.model.startswith("@") or not self.model else f"{self.provider}/{self.model}"

    @property
    def session(self) -> str | None:
        """The id of the call's session: from the gateway's header, an agent's header, or the body."""
        named = self.asides.get("cf-aig-session-id") or next(filter(None, map(self.headers.get, SESSION_HEADERS)), "")
        session = named or identity(self.content).session
        return session if 0 < len(session) <= LONGEST_ID else None
