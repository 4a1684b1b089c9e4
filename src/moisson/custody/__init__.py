"""The door: registering exhibits, the ledger, and the keys that sign it."""
