"""Background work, each named in the JOBS table of server/app.py."""
