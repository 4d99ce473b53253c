"""``python -m trioproxy`` is the ``trioproxy`` command."""

from trioproxy.cli import main

if __name__ == "__main__":
    main()
