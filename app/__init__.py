"""gnomon: watches machine-learning models in production, on Apache Kafka."""

__all__ = ["__version__"]

#: The release; the same as in ``pyproject.toml``, which a test holds it to.
__version__ = "0.1.0"
