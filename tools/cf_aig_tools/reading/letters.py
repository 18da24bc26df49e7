"""How o200k tokenizes letters: known words and word parts, and other scripts."""

from pathlib import Path

_ALONE, _AFTER_SPACE, _CHARACTERS = Path(__file__).with_name("words.txt").read_text("utf-8").split("\n\n")
WORDS = frozenset(_ALONE.split())
"""Words of one token, with or without a leading space or capital."""

SPACED = frozenset(_AFTER_SPACE.split())
"""Words of one token after a space, and at most two otherwise."""

SINGLE = frozenset(_CHARACTERS) | set(
    "".join(map(chr, [*range(0x5D0, 0x5EB), *range(0x621, 0x63B), *range(0x640, 0x655)]))
)
"""Non-ASCII characters of one token; those of right-to-left scripts are not in the file."""

SHORT = frozenset(
    part.replace("_", " ") for part in Path(__file__).with_name("short_tokens.txt").read_text("utf-8").split()
)
"""Every token of at most four letters; a leading space counts as one letter."""

TURNS = [
    int(point, 16)
    for point in """
    800 900 fc0 1000 1100 1200 1380 1780 1800 1d00 1d40 1e00 1f80 1fc0 2340 2440 26c0 2700 27c0 2b00 2b40 3000
    3180 3200 3240 3380 33c0 4e00 5d40 5dc0 6ac0 6b00 8780 87c0 8800 8840 9780 97c0 9bc0 9c80 9d00 9e00 9fc0
    ac00 ad80 adc0 ae80 aec0 af40 b000 b1c0 b200 b240 b280 b380 b3c0 b480 b4c0 b540 b580 b5c0 b680 b6c0 b700
    b880 b8c0 bac0 bb00 bb40 bbc0 bc40 bc80 bd40 bd80 be80 c040 c300 c340 c380 c500 c7c0 c800 c940 c980 ca00
    ca40 ca80 cc00 cd40 cd80 cdc0 ce00 cf80 cfc0 d1c0 d200 d240 d280 d340 d380 d400 d480 d4c0 d500 d6c0 d740
    d7c0 fb00 fb40 fd00 fd40 fe00
    """.split()  # noqa: SIM905 (a block of text reads best)
]
"""Code points at which the maximum tokens per character alternate between three and two."""
