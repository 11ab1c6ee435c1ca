"""KPIs a second time, in plain Python, from the truth and the business files: see README.md."""
