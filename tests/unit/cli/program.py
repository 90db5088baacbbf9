"""A program for tests of child processes: it does what its argument says."""

import sys

if __name__ == "__main__":
    exec(sys.argv[1])
