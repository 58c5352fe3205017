"""What travels between agent and server: batches up, plans down."""
