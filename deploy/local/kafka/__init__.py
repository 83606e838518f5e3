"""Apache Kafka from its own jars, as a part of the stack."""
