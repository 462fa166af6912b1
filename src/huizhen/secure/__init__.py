"""Pure core of secure sums: fixed point, masks, secret shares, the graph of who masks with whom."""
