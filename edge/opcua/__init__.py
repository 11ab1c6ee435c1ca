"""OPC UA servers: how they are reached, what is subscribed and what they say."""
