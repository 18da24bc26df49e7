"""Providers behind the gateway: simulated ones, which never use the network, and live ones."""
