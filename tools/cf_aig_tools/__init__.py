"""What an agent can do with a gateway: one module a tool."""

from pathlib import Path

TOOLS = (
    "list_gateways",
    "summarize_logs",
    "find_waste",
    "list_logs",
    "get_log_details",
    "get_log_request_body",
    "get_log_response_body",
    "search_bodies",
    "compare_logs",
    "trace_run",
    "patch_log_feedback",
    "chat_via_gateway",
    "replay_log",
)
"""In the order that clients list them. Each is a module, loaded when it is called, with a function of its name."""

OF_THE_PAGE = {
    "page_overview": {"summarize_logs"},
    "page_logs": {"list_logs"},
}
"""Tools that the page alone calls, and the tools whose facts they draw: offered where all of those are."""

DEFINITIONS = Path(__file__).parent / "definitions"
"""What clients are told of each tool, as JSON: made from the code by the test that holds them to it."""
