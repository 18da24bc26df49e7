"""What an agent can do with a gateway: one module per tool."""

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
"""In the order in which clients list them.

Each is a module, loaded when first called, with a function of the same name.
"""

OF_THE_PAGE = {
    "page_overview": {"summarize_logs"},
    "page_logs": {"list_logs"},
    "page_log": {"get_log_details", "get_log_request_body", "get_log_response_body"},
    "page_body": {"get_log_request_body", "get_log_response_body"},
    "page_run": {"trace_run"},
}
"""Tools that only the page calls, and the tools whose facts they draw: offered if all of those are."""

DEFINITIONS = Path(__file__).parent / "definitions"
"""The tool definitions that clients receive, as JSON: generated from the code by the test that checks them."""
