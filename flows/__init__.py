"""Orchestration by Prefect of what :mod:`pipeline` does."""

from flows.environment import prepare

prepare()
