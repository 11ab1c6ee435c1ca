"""The demo plant: eight simulated machines, their business data, and the truth about them.

What happens is a pure function of seed and start (`plant`, `production`); everything else
shows it: `signals` as machines would, `history` as files, `main` over OPC UA and MQTT,
`truth` as it really was. Nothing here knows about collectors, lake or KPIs.
"""
