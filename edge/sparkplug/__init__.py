"""Sparkplug B 3.0: a host application as a source of the collector.

Belongs here: what the specification says, from the topic to the session. `sparkplug_b_pb2` is
generated from `sparkplug_b.proto` and is the only reader of payloads. `host` and all it uses
know neither a clock nor a broker nor a disk; `source` brings these together.
"""
