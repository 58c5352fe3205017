"""The program at the edge: it polls, spools to disk and forwards."""
