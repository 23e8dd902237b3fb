"""Files behind a URL: fetched whole, checked, kept on this machine, and fetched again when the network fails."""
