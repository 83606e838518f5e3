"""What the parts of a stack need of this machine: processes, ports, locks, files, settings."""
