"""Pure cores of protection: suppression, noise, budget."""
