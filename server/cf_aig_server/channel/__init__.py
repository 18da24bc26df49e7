"""Claude Code's channel: tells an open session when calls fail. Off by default."""
