"""The hospital's agent: it checks last, reads rows, and lets nothing out but Partials."""
