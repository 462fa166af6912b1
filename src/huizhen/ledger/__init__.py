"""The evidence ledger: a Merkle log in standard formats, and the pure checks anyone can repeat on it offline."""
