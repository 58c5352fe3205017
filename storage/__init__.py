"""Memory: the only SQL. Every function takes the connection first."""
