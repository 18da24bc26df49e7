"""The four commands, each imported when it is asked for."""
