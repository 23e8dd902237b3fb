"""Running workers over blocks of rows, resumably, on Ray Data."""
