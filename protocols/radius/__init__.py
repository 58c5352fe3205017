"""RADIUS accounting (RFC 2866, 2869, 5997): packets, their answers, and the attributes that describe a session."""
