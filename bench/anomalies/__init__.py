"""What the anomaly bench is made of: panels, injections with size, length and seed, the peers, and how all are scored."""
