"""`python -m engine`: the command line without the window's package."""

import signal
import sys

from engine.cli import main

if __name__ == "__main__":
    status = main(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is done, and only clears up
    sys.exit(status)
