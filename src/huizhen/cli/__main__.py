"""`python -m huizhen.cli` is `huizhen`."""

from huizhen.cli import main

main()
