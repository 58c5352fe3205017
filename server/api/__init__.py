"""JSON endpoints, each named in the ROUTES table of server/app.py."""
