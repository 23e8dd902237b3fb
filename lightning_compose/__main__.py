"""``python -m lightning_compose``."""

from lightning_compose.cli import main

if __name__ == "__main__":
    main()
