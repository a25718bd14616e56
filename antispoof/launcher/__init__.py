"""What utils/run.py and utils/settings.py are made of: jobs, and stamps of what is done."""
