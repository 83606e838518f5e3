"""What travels over Kafka: the envelope, its encoding, the topics, and older versions."""
