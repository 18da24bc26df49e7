"""The management API's paths and what answers each. Loaded with the first request that isn't a call to a model."""

from starlette.routing import Route

from cf_aig_gateway.local import management, management_resources, telemetry
from cf_aig_gateway.local.api_route import ApiRoute

GATEWAYS = "/ai-gateway/gateways"
GATEWAY = f"{GATEWAYS}/{{gateway:segment}}"
LOGS = f"{GATEWAY}/logs"
LOG = f"{LOGS}/{{log:segment}}"
POLICIES = f"{GATEWAY}/policies"
ROUTES = f"{GATEWAY}/routes"
COSTS = "/ai-gateway/custom-providers/costs"
TELEMETRY = "/workers/observability/telemetry"
UNEMULATED = [
    *(f"{GATEWAY}/{resource}" for resource in ("datasets", "evaluations", "provider_configs")),
    *(f"{ROUTES}/{{id:segment}}/{part}" for part in ("versions", "deployments")),
    *(f"/ai-gateway/{resource}" for resource in ("evaluation-types", "custom-providers", "billing")),
]
ANY = "GET POST PUT PATCH DELETE"

routes = [
    ApiRoute("GET", GATEWAYS, management.list_gateways),
    ApiRoute("POST", GATEWAYS, management.create_gateway),
    ApiRoute("GET", GATEWAY, management.get_gateway),
    ApiRoute("PUT", GATEWAY, management.replace_gateway),
    ApiRoute("DELETE", GATEWAY, management.delete_gateway),
    ApiRoute("GET", f"{GATEWAY}/url/{{provider:segment}}", management.get_url),
    ApiRoute("GET", LOGS, management.list_logs),
    ApiRoute("DELETE", LOGS, management.delete_logs),
    ApiRoute("GET", f"{LOGS}/search", management.search_logs),
    ApiRoute("GET", f"{LOGS}/fingerprints", management.list_fingerprints),
    ApiRoute("GET", LOG, management.get_log),
    ApiRoute("PATCH", LOG, management.patch_log),
    ApiRoute("GET", f"{LOG}/request", management.get_request_body),
    ApiRoute("GET", f"{LOG}/response", management.get_response_body),
    ApiRoute("GET", POLICIES, management_resources.list_policies),
    ApiRoute("POST", POLICIES, management_resources.create_policy),
    ApiRoute("POST", f"{POLICIES}/simulate", management_resources.simulate),
    ApiRoute("PUT", f"{POLICIES}/{{id:segment}}", management_resources.replace_policy),
    ApiRoute("DELETE", f"{POLICIES}/{{id:segment}}", management_resources.delete_policy),
    ApiRoute("GET", ROUTES, management_resources.list_routes),
    ApiRoute("POST", ROUTES, management_resources.create_route),
    ApiRoute("GET", f"{ROUTES}/{{id:segment}}", management_resources.get_route),
    ApiRoute("DELETE", f"{ROUTES}/{{id:segment}}", management_resources.delete_route),
    ApiRoute("GET", COSTS, management_resources.list_costs),
    ApiRoute("POST", COSTS, management_resources.create_cost),
    ApiRoute("DELETE", f"{COSTS}/{{id:segment}}", management_resources.delete_cost),
    Route("/client/v4/graphql", management.query_analytics, methods=["POST"]),
    ApiRoute("POST", f"{TELEMETRY}/keys", telemetry.list_keys),
    ApiRoute("POST", f"{TELEMETRY}/values", telemetry.list_values),
    ApiRoute("POST", f"{TELEMETRY}/query", telemetry.query),
    *(ApiRoute(ANY, f"{path}{{below:below}}", management.not_emulated) for path in UNEMULATED),
]
