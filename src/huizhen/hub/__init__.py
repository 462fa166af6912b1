"""The trustee's program: catalogue, road, ledger, money."""
