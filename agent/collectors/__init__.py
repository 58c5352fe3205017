"""One file per way of measuring; each is named in the COLLECTORS table of agent/app.py."""
