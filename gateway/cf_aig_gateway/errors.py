"""Everything the gateway floor raises on purpose.

GatewayError            the gateway refused, failed or could not be reached
└── NotFound            no such gateway, log or stored body (the API uses one code for all three)
"""


class GatewayError(Exception):
    """A request to the gateway failed. `str()` says what failed and what to try, without any credential."""

    def __init__(self, message: str, *, status: int | None = None, code: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class NotFound(GatewayError):
    """Nothing is stored under that id."""
