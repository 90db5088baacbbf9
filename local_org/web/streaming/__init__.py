"""Change Data Capture over CometD: what changed in the org, told to clients that wait for it."""
