"""`python -m featsql` is the program `featsql`."""

from featsql.cli import main

if __name__ == "__main__":
    main()
