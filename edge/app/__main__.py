"""`python -m edge.app` is the `edge` command."""

from edge.app.cli import main

if __name__ == "__main__":
    main()
