"""The contracts between the services: every event type, every topic, every shared format."""
