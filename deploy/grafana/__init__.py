"""Grafana's dashboard and its generator."""
