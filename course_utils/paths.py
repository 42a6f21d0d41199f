"""Where the course is: the folder that holds README.md, notebooks/ and data/.

Standard library alone: the bootstrap reads this before anything is installed.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
