"""The site as a visitor meets it: the real server, headless Chromium."""
