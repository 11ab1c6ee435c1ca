"""Broker to lake, business files to lake."""
