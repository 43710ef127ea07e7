"""``python -m analysis``, and the console command ``timestep-spectra``."""

import sys

from analysis.project import extras

if _refused := extras.refusal():  # before anything is imported that may not be there
    sys.exit(f"error: {_refused}")

from analysis.cli.app import main

if __name__ == "__main__":
    main()
