"""The console: pages of the hub for people in a browser. A page asks the desk, as the API and the commands do."""
