"""Access to Kafka: writing events, topics, offsets, dead letters."""
