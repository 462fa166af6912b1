"""One file per page of the reference; `page()` gives its Markdown. Headings and pipes are all the Markdown there is."""
