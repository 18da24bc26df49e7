"""How a stored body is read, masked and shown."""
