"""HTTP exchanges on their way through a server: what is kept of them, and the rules for it."""
