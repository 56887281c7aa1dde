"""A Django app with the five tables as models."""
