"""Providers behind the gateway: simulated ones, which never leave the machine, and live ones."""
