"""How page, REST and events do with a large read model: see ``__main__``."""
