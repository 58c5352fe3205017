"""The only DDL: numbered forward-only files and repeatable functions."""
