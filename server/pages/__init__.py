"""HTML pages, each named in the ROUTES table of server/app.py."""
