"""Sends a file of cases to another model after confirming the price, and shows what differs."""

import json
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.shapes import as_object
from cf_aig_server.commands.reach import Progress, chosen_gateway, settings_for
from cf_aig_server.commands.replay_words import Order, endings, preview
from cf_aig_server.opening import masker_of, open_gateway
from cf_aig_server.settings import Settings
from cf_aig_tools.amounts import counted, dollars
from cf_aig_tools.cases.difference import Table
from cf_aig_tools.cases.journal import Journal
from cf_aig_tools.cases.plan import Planned, Sending, plan
from cf_aig_tools.cases.replaying import Replaying
from cf_aig_tools.reading.masking import Masker

LAG_S = 10.0
"""How long after its call a log may appear, in seconds: 0.3-4.7 s were observed."""

TABLE = 2000
"""Maximum tokens of the table: an agent with a shell reads it, and the results file has everything."""

EXIT_INCOMPLETE = 1
"""The exit code when some cases failed or were not sent."""

EXIT_INTERRUPTED = 130


def run(
    *,
    cases: str,
    model: str,
    out: str = "results.jsonl",
    local: str | None = None,
    gateway: str = "",
    budget: float = 2.0,
    no_price_limit: bool = False,
    concurrency: int = 4,
    timeout: float = 120,
    parameters: str = "{}",
    masked: bool = False,
    retry_failed: bool = False,
    json: bool = False,
    yes: bool = False,
) -> int:
    """Send the cases that have no result yet. Return the exit code: 0 if every case has an answer.

    Raises:
        GatewayError: an option, the file or the model is wrong, the operator forbids it, or nobody confirmed the price.
        OSError: the file cannot be read.

    """
    settings = settings_for(local).model_copy(update={"timeout_s": float(timeout)})
    _check(settings)
    sending = Sending(model, _changes(parameters), not no_price_limit, masked)
    order = Order(
        Path(cases),
        Path(out),
        chosen_gateway(settings, gateway),
        sending,
        None if no_price_limit else budget,
        concurrency,
        timeout,
        yes,
        json,
    )
    sending.check()
    planned = plan(order.path, sending)
    about = {"model": model, "gateway_id": order.gateway_id, "parameters": dict(sending.changes)}
    with Journal(order.out, about) as journal:
        if retry_failed:
            for row in [row for row in journal.rows.values() if row.get("error")]:
                journal.retry(row["log_id"])
        return anyio.run(_replay, settings, order, planned, journal)


def _check(settings: Settings) -> None:
    if settings.read_only:
        raise GatewayError("AI_GATEWAY_READ_ONLY is set, so nothing is sent.")
    if settings.tools and "replay_log" not in settings.tools:
        raise GatewayError("AI_GATEWAY_TOOLS does not offer replay_log, so nothing is sent.")


def _changes(text: str) -> dict[str, Any]:
    try:
        changes = json.loads(text)
    except ValueError:
        changes = None
    if not isinstance(changes, dict):
        raise GatewayError(f'--parameters {text[:80]!r} is not a JSON object such as {{"temperature": 0}}.')
    return as_object(changes)


async def _replay(settings: Settings, order: Order, planned: Sequence[Planned], journal: Journal) -> int:
    masker, progress = masker_of(settings), Progress()
    fit = [case for case in planned if not case.unfit]
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(open_gateway(settings))
        await gateway.logs(
            order.gateway_id, per_page=1
        )  # fails here if credentials or the gateway are wrong, with a message that says so
        _agree(order, planned, [case for case in fit if case.log_id not in journal.rows], journal, masker)
        replaying = Replaying(
            gateway,
            order.gateway_id,
            order.path,
            order.sending,
            journal,
            masker,
            order.budget,
            order.concurrency,
            order.timeout_s,
            0 if settings.local else order.timeout_s + LAG_S,
            lambda: progress.say(f"{len(journal.rows):,} of {len(fit):,}, {dollars(journal.charged)}"),
        )
        interrupted = await _until_told(replaying, fit)
    for line in endings(replaying, planned, journal):
        progress.end(masker.mask(line))
    _show(order, planned, journal, settings.budget)
    if interrupted:
        return EXIT_INTERRUPTED
    answered = [case for case in planned if case.log_id in journal.rows and not journal.rows[case.log_id].get("error")]
    return 0 if len(answered) == len(planned) else EXIT_INCOMPLETE


async def _until_told(replaying: Replaying, cases: Sequence[Planned]) -> bool:
    """Run it; the first Ctrl-C stops sending and waits for calls in progress, the second stops at once."""
    async with anyio.create_task_group() as tasks:
        if threading.current_thread() is threading.main_thread():  # only the main thread receives signals
            tasks.start_soon(_listen, replaying, tasks.cancel_scope)
        await replaying.run(cases)
        interrupted = replaying.ended == INTERRUPTED
        tasks.cancel_scope.cancel()
        return interrupted
    replaying.uncertain = replaying.lost(cases)
    return True


INTERRUPTED = "Stopped by Ctrl-C."


async def _listen(replaying: Replaying, scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            if replaying.ended == INTERRUPTED:
                scope.cancel()
                return
            replaying.stop(INTERRUPTED)
            waiting = counted(replaying.under_way, "call")
            print(
                f"\nSending no more. Waiting for {waiting} in progress; press Ctrl-C again to stop now.",
                file=sys.stderr,
                flush=True,
            )


def _agree(
    order: Order, planned: Sequence[Planned], open_: Sequence[Planned], journal: Journal, masker: Masker
) -> None:
    """Show what would be sent and its cost, and ask for confirmation.

    Raises:
        GatewayError: nobody confirmed. Nothing was sent.

    """
    for line in preview(order, planned, open_, journal, masker):
        print(line, file=sys.stderr)
    if order.is_sure or not open_:
        return
    if not sys.stdin.isatty():
        raise GatewayError("Nothing was sent: add --yes to send them.")
    print("Send them? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise GatewayError("Nothing was sent.")


def _show(order: Order, planned: Sequence[Planned], journal: Journal, budget: int) -> None:
    """Print the table, or the same as JSON, for the cases in this file."""
    table = Table([journal.rows[case.log_id] for case in planned if case.log_id in journal.rows])
    if order.is_json:
        print(json.dumps(table.structured(budget), ensure_ascii=False))
    elif table.rows:
        print(table.shown(min(budget, TABLE)))
