"""What is asked of Kafka: writing events, topics, offsets, dead letters."""
