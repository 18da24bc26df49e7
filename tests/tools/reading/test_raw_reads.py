"""Every byte of any body can be reached."""

import json
import re
from base64 import b64decode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import logged, shown

from cf_aig_gateway.errors import GatewayError
from cf_aig_tools.reading.forms import form_of

pytestmark = pytest.mark.anyio

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda held: st.lists(held) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), held),
)
BODIES = st.one_of(
    st.binary(max_size=3000),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=2000).map(str.encode),
    st.text("\\u{}abc\u200b\r\n", max_size=500).map(str.encode),
    JSON.map(lambda value: json.dumps(value, ensure_ascii=False).encode()),
    st.lists(st.text(max_size=20).map(json.dumps)).map(lambda lines: "".join(f"data: {line}\n\n" for line in lines).encode()),
    st.builds(lambda part, count: part * count, st.binary(min_size=1, max_size=40), st.integers(1, 2000)),
)  # fmt: skip


def restored(text: str) -> bytes:
    """Undo the escapes of hidden characters, and of bytes that are not UTF-8."""
    plain = re.sub(r"\\u\{([0-9a-f]+)\}", lambda found: chr(int(found[1], 16)), text)
    return plain.encode("utf-8", "surrogateescape")


async def read_through(body: bytes, budget: int) -> bytes:
    text, offset = "", 0
    while True:
        told = await shown(body, mask=False, view="raw", offset=offset, budget=budget, chunk=777)
        text += logged(told)
        following = re.search(r"after: offset=(\d+)$", told)
        if not following:
            return b64decode(text) if form_of(body[:4096]) == "binary" else restored(text)
        assert int(following[1]) > offset
        offset = int(following[1])


@settings(max_examples=120, deadline=None)
@given(BODIES, st.sampled_from([200, 2000, 10_000]))
async def test_raw_reads_one_after_another_rebuild_any_body(body: bytes, budget: int) -> None:
    assert await read_through(body, budget) == body


async def test_raw_reads_rebuild_a_large_body() -> None:
    body = json.dumps({"messages": [{"content": "Gruß ☃ \U0001f600 \\ " * 9000}]}, ensure_ascii=False).encode()

    assert await read_through(body, 10_000) == body


async def test_a_negative_offset_reads_from_the_end() -> None:
    assert logged(await shown(b"one two three", view="raw", offset=-5)) == "three"
    assert logged(await shown(b"one two three", view="raw", offset=4, limit=3)) == "two"


async def test_an_offset_alone_reads_what_is_stored() -> None:
    assert logged(await shown({"messages": []}, offset=2, limit=8)) == "messages"


async def test_an_offset_past_the_end_says_where_the_end_is() -> None:
    with pytest.raises(GatewayError, match="It has 3 characters: use a smaller offset"):
        await shown(b"abc", view="raw", offset=3)


async def test_an_empty_body_is_reported_as_stored() -> None:
    assert await shown(b"") == "The body is stored but empty."
