"""The gateway's own errors, in the data plane's error body."""

from typing import Any

from starlette.responses import Response

from cf_aig_gateway.json_text import write_json

UPSTREAM_BROKE = 502
"""Status of a call whose provider gave no answer or only part of one. Cloudflare's is unknown."""

NOT_EMULATED = 501


class Fault(Exception):
    """The gateway refuses a call, or the provider gave no answer. `code` is Cloudflare's."""

    def __init__(self, code: int, status: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status

    def body(self) -> bytes:
        """Return the body that Cloudflare sends, as captured by third parties in 2026."""
        message = str(self)
        return write_json(
            {
                "success": False,
                "result": [],
                "messages": [],
                "error": [{"code": self.code, "message": message}],
                "name": "AiGatewayError",
                "httpCode": self.status,
                "internalCode": self.code,
                "message": message,
                "description": message,
            }
        )

    def response(self, headers: dict[str, str] | None = None) -> Response:
        """Return the fault as an HTTP reply."""
        return Response(self.body(), self.status, headers, media_type="application/json")


class PolicyRefusal(Fault):
    """A policy refuses a call, with the body that the documentation shows."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(0, status, str(error["message"]))
        self._error = error

    def body(self) -> bytes:
        """Return the body that Cloudflare sends."""
        return write_json({"success": False, "error": self._error})


def gateway_missing() -> Fault:
    """Return the error for a gateway or an account that doesn't exist."""
    return Fault(2001, 400, "Please configure AI Gateway in the Cloudflare dashboard")


def invalid_provider(why: str = "") -> Fault:
    """Return the error for an unknown provider. Cloudflare doesn't say why."""
    return Fault(2008, 400, f"Invalid provider: {why}" if why else "Invalid provider")


def model_not_found() -> Fault:
    """Return the management host's error for an unknown model."""
    return Fault(7003, 404, "Model not found")


def invalid_request(why: str) -> Fault:
    """Return the error for an invalid request, with the code for callers' errors."""
    return Fault(7003, 400, why)


def unauthorized() -> Fault:
    """Return the error for a call without the token that the gateway requires."""
    return Fault(2009, 401, "Unauthorized")


def rate_limited() -> Fault:
    """Return the error for a call over the gateway's own limit."""
    return Fault(2003, 429, "Rate limited")


def over_budget(rule: str, within: str, subject: str) -> Fault:
    """Return the error for a call over a spend limit, as third parties captured it in 2026."""
    return Fault(2045, 429, f"Spend limit exceeded: rule '{rule}' ({within}) for {subject}")


def not_emulated(what: str) -> Fault:
    """Return the error for a provider's path that isn't simulated."""
    return Fault(
        2005, NOT_EMULATED, f"The local gateway does not simulate {what}. Run it with --live to reach the provider."
    )


def store_failed(why: str) -> Fault:
    """Return the error for a failure to log, count or cache a call, with the code that the management API uses for its
    own failures.
    """
    return Fault(7000, 500, why)


def no_answer(why: str, *, status: int = UPSTREAM_BROKE) -> Fault:
    """Return the error for a provider that didn't answer, or not in time."""
    return Fault(2005, status, f"Failed to get response from provider: {why}")


def too_large() -> Fault:
    """Return the error for a body over the limit. Its code, the one for callers' errors, is a guess."""
    return Fault(7003, 413, "Request body is larger than 25 MB")
