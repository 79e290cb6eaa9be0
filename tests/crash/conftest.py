import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))

from fixtures import daemon, make_daemon  # noqa: E402, F401
