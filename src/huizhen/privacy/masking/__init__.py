"""Values put in place of others for a copy: of the same form, the same everywhere for the same key, and of nobody."""
