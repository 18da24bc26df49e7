"""Imports aiohttp without the certificates that it loads while it is imported: they take half of the time, 50 ms.

It puts them into two contexts of its own, for requests that bring none. Requests here bring one for each https URL
and each proxy (`httpx2.create_ssl_context`); any other would be refused, as these two contexts trust nobody.
"""

import ssl


def _nothing(self: ssl.SSLContext) -> None:
    pass


ssl.SSLContext.set_default_verify_paths = _nothing
try:
    import aiohttp
finally:
    del ssl.SSLContext.set_default_verify_paths  # what it inherits is back

__all__ = ["MAX_FIELD", "aiohttp"]

MAX_FIELD = 64 * 1024
"""The most bytes of a header in an answer. aiohttp's own limit is 8 KB."""
