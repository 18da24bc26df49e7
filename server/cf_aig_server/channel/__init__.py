"""Claude Code's channel: tells a session, unasked, that calls failed. Off by default."""
