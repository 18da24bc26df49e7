"""Sessions whose prompt cache breaks: each cause is named with its dollars, and a drop in hits with its minute."""

import copy
import json
import re
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from mcp import Client
from prompt_caches import CAUSES, EIGHT, Body, Cause, Lab, Session, broken, dated, lab

pytestmark = pytest.mark.anyio

LINE = re.compile(
    r"^prompt cache: missed ([\d,]+) of ([\d,]+) input tokens \((.*)\), about \$([\d.]+) more than a hit$", re.M
)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncGenerator[Lab]:
    async with lab(tmp_path / "gateway.db") as gateway:
        yield gateway


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Lab]:
    async with lab(tmp_path / "control.db") as control:
        yield control


@pytest.mark.parametrize(("ask_why", "named"), [(False, ""), (True, "session-1")], ids=["alone", "diagnosed"])
@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
async def test_details_of_a_miss_name_its_cause_and_its_dollars(
    client: Client, gateway: Lab, control: Lab, cause: Cause, ask_why: bool, named: str
) -> None:
    miss = await broken(gateway, control, cause, ask_why=ask_why, named=named)

    result = await client.call_tool("get_log_details", {"log_id": miss.log["id"]})

    text = result.content[0].text
    found = LINE.search(text)
    assert found, text
    assert found[3] == (cause.stated if ask_why and cause.stated else cause.told)
    assert int(found[1].replace(",", "")) == pytest.approx(miss.missed, rel=0.01)
    assert float(found[4]) == pytest.approx(miss.dollars, rel=0.02)


Break = Callable[[Session, int], None]
"""What breaks a session's cache, by the number of the break."""


async def day(gateway: Lab, form: str, breaks: Break, pause: float) -> None:
    """Send a session of three calls every two minutes. Release 7.3.0, from 08:44 on, breaks the cache in each call."""
    for number in range(40):
        session = Session(form, f"change {number}", body=copy.deepcopy(WHOLE[form]))
        is_broken = number >= 22
        release = {"cf-aig-metadata": json.dumps({"release": "7.3.0" if is_broken else "7.2.0"})}
        gateway.clock.now = (EIGHT + number * timedelta(minutes=2)).timestamp()
        for turn in range(3):
            if is_broken:
                gateway.clock.pass_minutes(pause if turn else 0)
                breaks(session, 3 * number + turn)
            await session.turn(gateway, **release)


def redated(session: Session, number: int) -> None:
    dated(session, f"08:02:{number}")


def shuffled(session: Session, number: int) -> None:
    Random(number).shuffle(session.body["tools"])


def keyed(session: Session, number: int) -> None:
    session.body["prompt_cache_key"] = f"key {number}"


def edited_first(session: Session, number: int) -> None:
    session.body["messages"][0]["content"] += "!"


def let_be(session: Session, number: int) -> None:
    """Change nothing."""


WHOLE: dict[str, Body] = {
    "anthropic": {"model": "claude-sonnet-5", "system": "You review code.", "tools": []},
    "responses": {"model": "gpt-5.4"},
}


@pytest.mark.parametrize(
    ("form", "breaks", "pause", "cause"),
    [
        ("responses", redated, 0, "the system prompts differ at character 0: a time"),
        ("responses", shuffled, 0, "the tool order changed at tool "),
        ("responses", keyed, 0, "prompt_cache_key changed"),
        ("anthropic", edited_first, 0, "message 1 differs at character "),
        ("anthropic", let_be, 7, "nothing differs: 7 minutes since the last call, cache lifetime 5 minutes"),
    ],
    ids=["time", "tools", "key", "message", "expiry"],
)
async def test_a_summary_dates_a_drop_in_hits_and_names_its_cause(
    client: Client, gateway: Lab, form: str, breaks: Break, pause: float, cause: str
) -> None:
    await day(gateway, form, breaks, pause)

    span = {"start_date": "2026-11-24T08:00Z", "end_date": "2026-11-24T10:00Z"}
    result = await client.call_tool("summarize_logs", span)

    summary = result.structured_content
    row = dict(zip(summary["columns"], summary["rows"][0], strict=True))
    changed = row.get("changed") or summary["same"]["changed"]
    assert re.search(r"prompt cache \d\d(\.\d)? → \d\d?(\.\d+)? % since 08:4[45]", changed), changed
    (told,) = [reason for reason in summary["reasons"] if "prompt cache:" in reason]
    assert f"release=7.3.0 0 → 100 % of calls; {cause}" in told
