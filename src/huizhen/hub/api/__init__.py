"""The hub's REST API, versioned under /v1: one file per subject; what it may answer is decided at the desk."""
