"""Files: written in one step, checked by checksums, locked."""
