"""`python -m app`: imports nothing heavy, since every spawned child process starts from here."""

if __name__ == "__main__":
    from app.main import main

    main()
