"""What runs the jobs of a stage, here or on a cluster, and knows what is done.

utils/run.py runs them, utils/submit_all.py hands over whole stages, utils/status.py shows both. A
queue's lines (queue.py, reads.py) become jobs with stamps (job.py, stamps.py). local.py runs them
on this machine, arrays.py on a cluster: cluster.py says how it is asked, slurm.py and sge.py ask.
"""
