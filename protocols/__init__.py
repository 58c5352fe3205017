"""Wire formats: bytes to records and back. Never a socket, a clock, a file or a log."""
