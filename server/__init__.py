"""The program in the middle: it stores, decides and shows."""
