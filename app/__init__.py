"""gnomon: watches machine-learning models in production, on Apache Kafka."""
