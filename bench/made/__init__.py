"""What the benchmarks share: made-up patients, a node and a region that hold them, a watch."""
