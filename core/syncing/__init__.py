"""Does what planning decided: reads both sides, writes in batches, settles what is in doubt."""
