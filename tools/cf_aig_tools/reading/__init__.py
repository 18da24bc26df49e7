"""How a stored body is read, masked and shown: within a budget, whatever it holds."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.reading.raw import raw


@dataclass(frozen=True)
class Reading:
    """What part of a body is asked for: characters from `offset` (negative: from the end), and tokens at most."""

    offset: int = 0
    limit: int = 0
    budget: int = 2000


async def read_body(chunks: AsyncIterator[bytes], asked: Reading, *, masker: Masker) -> str:
    """Return a body as text to deliver, which costs at most `asked.budget` tokens.

    Raises:
        GatewayError: there is nothing at that offset.

    """
    return await raw(chunks, asked.offset, asked.limit, asked.budget, masker)
