"""Real Kafka, real MongoDB and a real SMTP server on one Linux machine, without Docker.

Start with `deploy.local.stack.Stack`; `deploy.local.cli` is the command line over it.
"""
