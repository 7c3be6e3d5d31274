"""SNMPv1 and v2c: a small codec and an asyncio client, for devices that are polled many times a second."""
