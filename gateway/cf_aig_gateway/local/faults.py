"""What the gateway itself refuses with, in the data plane's own error body."""

from typing import Any

from starlette.responses import Response

from cf_aig_gateway.json_text import write_json

UPSTREAM_BROKE = 502
"""Status of a call whose provider gave no answer, or only a part of one; Cloudflare's is not known."""

NOT_EMULATED = 501


class Fault(Exception):
    """The gateway refuses a call, or its provider gave no answer; `code` is Cloudflare's."""

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
    """A policy refuses a call, in the body that its documentation shows."""

    def __init__(self, status: int, error: dict[str, Any]) -> None:
        super().__init__(0, status, str(error["message"]))
        self._error = error

    def body(self) -> bytes:
        """Return the body that Cloudflare sends."""
        return write_json({"success": False, "error": self._error})


def gateway_missing() -> Fault:
    """Return the refusal of a gateway, or an account, that does not exist."""
    return Fault(2001, 400, "Please configure AI Gateway in the Cloudflare dashboard")


def invalid_provider(why: str = "") -> Fault:
    """Return the refusal of a provider that is none; Cloudflare does not say why."""
    return Fault(2008, 400, f"Invalid provider: {why}" if why else "Invalid provider")


def model_not_found() -> Fault:
    """Return the management host's refusal of a model that is none."""
    return Fault(7003, 404, "Model not found")


def invalid_request(why: str) -> Fault:
    """Return the refusal of a request that is none; its code is the one for a caller's errors."""
    return Fault(7003, 400, why)


def unauthorized() -> Fault:
    """Return the refusal of an authenticated gateway, without its token."""
    return Fault(2009, 401, "Unauthorized")


def rate_limited() -> Fault:
    """Return the refusal of a call over the gateway's own limit."""
    return Fault(2003, 429, "Rate limited")


def over_budget(rule: str, within: str, subject: str) -> Fault:
    """Return the refusal of a call over a spend limit, as third parties captured it in 2026."""
    return Fault(2045, 429, f"Spend limit exceeded: rule '{rule}' ({within}) for {subject}")


def not_emulated(what: str) -> Fault:
    """Return what is said of a provider's path that is not simulated."""
    return Fault(
        2005, NOT_EMULATED, f"The local gateway does not simulate {what}. Run it with --live to reach the provider."
    )


def store_failed(why: str) -> Fault:
    """Return the failure to log a call, or to count or cache it; its code is the management API's for its own."""
    return Fault(7000, 500, why)


def no_answer(why: str, *, status: int = UPSTREAM_BROKE) -> Fault:
    """Return the failure of a provider to answer, or to answer in time."""
    return Fault(2005, status, f"Failed to get response from provider: {why}")


def too_large() -> Fault:
    """Return the refusal of a body over the bound; its code is a guess, the one for a caller's errors."""
    return Fault(7003, 413, "Request body is larger than 25 MB")
