"""The site's one app: the catalogue, live comparisons, the OpenAI-style API and the admin."""
