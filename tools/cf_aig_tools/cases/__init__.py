"""Sets of logged calls to test with: exported as lines of JSON, sent on another model, and what differs then."""
