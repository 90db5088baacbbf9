"""How fast it is, measured as ratios and rates: one room per part, run by ``make bench NAME=room`` or ``room.one``."""
