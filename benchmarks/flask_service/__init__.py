"""A Flask service under load: the application, its server process, and its clients."""
