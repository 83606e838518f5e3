"""Real Kafka, real MongoDB, a mail server and an SMS gateway on one machine, without Docker.

Start with `deploy.local.stack.Stack`; `deploy.local.stack.cli` is the command line over it.
"""
