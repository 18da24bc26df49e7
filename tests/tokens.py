"""The tokenizer that budgets are measured with."""

from bpe_openai import get_encoding

_O200K = get_encoding("o200k_base")


def o200k(text: str) -> int:
    """Return the number of o200k tokens of a text."""
    return len(_O200K.encode(text, disallowed_special=()))
