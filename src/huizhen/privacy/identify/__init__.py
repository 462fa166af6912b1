"""Which columns identify a person: by their names, and by what stands in them."""
