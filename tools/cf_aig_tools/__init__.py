"""What an agent can do with a gateway: one module a tool."""

from types import ModuleType

from cf_aig_tools import list_logs

TOOLS: tuple[ModuleType, ...] = (list_logs,)
"""In the order that clients list them. Each module has a function of its own name and ANNOTATIONS."""
