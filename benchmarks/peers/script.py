"""What a model would write if it had code instead of tools: the newest 20 logs, one per line."""

import json
import os
import urllib.request

account, gateway = os.environ["CLOUDFLARE_ACCOUNT_ID"], os.environ["AI_GATEWAY_ID"]
url = f"{os.environ['CLOUDFLARE_BASE_URL']}/accounts/{account}/ai-gateway/gateways/{gateway}/logs?per_page=20"
headers = {"Authorization": f"Bearer {os.environ['CLOUDFLARE_API_TOKEN']}"}
with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as reply:
    logs = json.load(reply)["result"]
fields = ["id", "created_at", "provider", "model", "success", "cached"]
fields += ["status_code", "duration", "tokens_in", "tokens_out", "cost", "path"]
print("\t".join(fields))
for log in logs:
    print("\t".join(str(log[name]) for name in fields))
