"""Policies: who may call which model, and how much they may spend (US dollars).

Source: developers.cloudflare.com/ai-gateway/features/policies, read 2026-11-27. What it doesn't say, chosen here:
`block` comes before `limit`, and `limit` before `no-limit`; every limit that applies must have room; a change takes
effect immediately. Conditions aren't emulated: they are CEL, for which there is no lightweight library.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from cf_aig_gateway.local.budgets import Calls, Window, used
from cf_aig_gateway.local.exchange import Exchange
from cf_aig_gateway.local.faults import PolicyRefusal
from cf_aig_gateway.local.store import Store
from cf_aig_gateway.shapes import as_object, as_text

DAY = 86_400
PERIODS = {"hourly": 3600, "daily": DAY, "weekly": 7 * DAY, "monthly": 30 * DAY}
"""Seconds of a period. Windows have a fixed length and don't follow the calendar."""

ACTOR = re.compile(r"\{(?:metadata\.(?P<key>[^{}]+)|cf\.user\.id)\}")
"""An actor for each value of a metadata key, or for each user behind Cloudflare Access."""

DENIED = "Access denied by policy"
SPENT = "Spending limit exceeded"


@dataclass(frozen=True)
class Verdict:
    """The policies' verdict on a call: whether it is allowed, and the policy, bucket and dollars that decided it."""

    decision: Literal["no-limit", "block", "check_limits"]
    is_allowed: bool
    policy: str = ""
    bucket: str = ""
    spent: float = 0
    limit: float = 0

    def wire(self, evaluated: int) -> dict[str, Any]:
        """Return it in the form of simulate's answer."""
        enforcement: dict[str, Any] = {"allowed": self.is_allowed}
        if not self.is_allowed:
            enforcement["reason"] = "limit_exceeded" if self.bucket else "blocked"
            enforcement |= {"policyName": self.policy} if self.policy else {}
            enforcement |= {"bucket": self.bucket, "spent": self.spent, "limit": self.limit} if self.bucket else {}
        buckets = [self.bucket] if self.bucket else []
        evaluation = {"decision": self.decision, "buckets": buckets}
        return {"evaluation": evaluation, "enforcement": enforcement, "policiesEvaluated": evaluated}


@dataclass(frozen=True)
class Question:
    """A call for the policies to judge."""

    store: Store
    gateway: str
    identity: Mapping[str, Any]
    provider: str
    model: str
    usage: Mapping[str, Any]

    async def verdict(self, policies: Sequence[dict[str, Any]]) -> Verdict:
        """Return the policies' verdict: the strictest of several."""
        mine = [policy for policy in policies if self._concerns(policy)]
        blocking = next((policy for policy in mine if policy["action"]["type"] == "block"), None)
        if blocking or not mine:
            return Verdict("block", is_allowed=False, policy=blocking["name"] if blocking else "")
        limits = [policy for policy in mine if policy["action"]["type"] == "limit"]
        for policy in limits:
            spent, bucket = await self._spent(policy), self._bucket(policy)
            if spent >= policy["action"]["amount"]:
                return Verdict("check_limits", False, policy["name"], bucket, spent, policy["action"]["amount"])
        return Verdict("check_limits" if limits else "no-limit", is_allowed=True)

    def _concerns(self, policy: Mapping[str, Any]) -> bool:
        resource = as_object(policy["resource"])
        own = {self.model, f"{self.provider}/{self.model}"}
        if resource.get("provider", "*") not in ("*", self.provider) or resource.get("model", "*") not in ("*", *own):
            return False
        actor = as_text(policy["actor"])
        return actor == "*" or bool(ACTOR.fullmatch(actor)) or actor == self._user()

    def _user(self) -> str:
        return as_text(as_object(as_object(self.identity.get("cf")).get("user")).get("id"))

    def _actor(self, policy: Mapping[str, Any]) -> tuple[str, Any]:
        """Return the metadata key that distinguishes actors, and this call's value of it."""
        found = ACTOR.fullmatch(as_text(policy["actor"]))
        if not found:
            return "", None
        key = found["key"] or "cf.user_id"
        return key, as_object(self.identity.get("metadata")).get(key) if found["key"] else self._user()

    def _bucket(self, policy: Mapping[str, Any]) -> str:
        key, value = self._actor(policy)
        return f"{policy['name']}:{value}" if key else policy["name"]

    async def _spent(self, policy: Mapping[str, Any]) -> float:
        given = as_object(self.usage.get(policy["name"])).get("spent")
        if isinstance(given, int | float):
            return given
        key, value = self._actor(policy)
        resource = as_object(policy["resource"])
        chosen = {name: [resource[name]] for name in ("model", "provider") if resource.get(name, "*") != "*"}
        calls = Calls(
            self.gateway, chosen.get("provider", []), chosen.get("model", []), {key: [value]} if key else None
        )
        return await self.store.read(partial(used, calls=calls, window=Window(PERIODS[policy["action"]["period"]])))


async def check(exchange: Exchange) -> None:
    """Refuse a call that the gateway's policies don't allow.

    Raises:
        PolicyRefusal: it is blocked, matches no policy, or a limit is used up.

    """
    policies = await exchange.setting.store.policies(exchange.setting.gateway)
    if not policies:
        return
    metadata = exchange.controls.metadata or {}
    identity = {"metadata": metadata, "cf": {"user": {"id": metadata.get("cf.user_id", "")}}}
    call, setting = exchange.call, exchange.setting
    verdict = await Question(setting.store, setting.gateway, identity, call.provider, call.model, {}).verdict(policies)
    if not verdict.is_allowed and verdict.bucket:
        budget = {"bucket": verdict.bucket, "spent": verdict.spent, "limit": verdict.limit}
        raise PolicyRefusal(429, {"message": SPENT, **budget})
    if not verdict.is_allowed:
        raise PolicyRefusal(403, {"message": DENIED})
