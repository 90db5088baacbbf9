"""The console: pages that ask the workspace and show what it says, and the server that serves them."""
