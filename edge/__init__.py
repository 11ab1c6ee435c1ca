"""Collectors beside the machines: sources, durable spool, forwarder, health."""
