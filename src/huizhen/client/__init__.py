"""What a researcher holds: the report of a study, one page that opens anywhere."""
