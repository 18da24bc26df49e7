"""What an agent can do with a gateway: one module a tool."""

from types import ModuleType

from cf_aig_tools import (
    chat_via_gateway,
    compare_logs,
    find_waste,
    get_log_details,
    get_log_request_body,
    get_log_response_body,
    list_gateways,
    list_logs,
    patch_log_feedback,
    replay_log,
    search_bodies,
    summarize_logs,
    trace_run,
)

TOOLS: tuple[ModuleType, ...] = (
    list_gateways,
    summarize_logs,
    find_waste,
    list_logs,
    get_log_details,
    get_log_request_body,
    get_log_response_body,
    search_bodies,
    compare_logs,
    trace_run,
    patch_log_feedback,
    chat_via_gateway,
    replay_log,
)
"""In the order that clients list them. Each module has a function of its own name and ANNOTATIONS."""
