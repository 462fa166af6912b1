"""An outside witness: a regulator's or an auditor's program that follows a ledger and co-signs what only grows."""
