"""The console of one hospital, served by its own node: pages of its patients, and of those who run the node."""
