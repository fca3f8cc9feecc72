"""Router advertisements (RFC 4861, 6.2): what they say, when they are sent, and what other routers say otherwise."""
