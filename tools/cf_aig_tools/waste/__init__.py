"""What money and time went on that need not have: which calls, why, and what would save it."""
