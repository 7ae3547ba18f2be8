"""environment.py FOLDER REQUIREMENTS: a virtual environment that sees the packages of this interpreter and has the pinned ones beside."""

import pathlib
import subprocess
import sys
import sysconfig
import venv

folder, requirements = map(pathlib.Path, sys.argv[1:])
venv.create(folder, clear=True, with_pip=True)
python = folder / "bin" / "python"
here = subprocess.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], check=True, capture_output=True, text=True)
# Torch is large, and another version of it would be another machine's result: the one of this interpreter is used.
(pathlib.Path(here.stdout.strip()) / "inherited.pth").write_text(sysconfig.get_path("purelib") + "\n")
subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", requirements], check=True)
