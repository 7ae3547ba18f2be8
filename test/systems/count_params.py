"""count_params.py HEED_RUN FOLDER NAME:COUNT...: FOLDER/NAME.heed describes itself with COUNT numbers in its parameters."""

import re
import subprocess
import sys

failed = False
for pair in sys.argv[3:]:
    name, count = pair.split(":")
    text = subprocess.run([sys.argv[1], "%s/%s.heed" % (sys.argv[2], name), "--describe"], capture_output=True, text=True)
    found = re.search(r"^  params  (\d+) numbers", text.stdout, re.MULTILINE)
    if not found or found[1] != count:
        print("%s has %s, expected %s\n%s" % (name, found and found[1], count, text.stderr))
        failed = True
sys.exit(failed)
