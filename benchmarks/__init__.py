"""What recording and replaying cost, as ratios to bases measured in the same run.

`python -m benchmarks` runs every workload; docs/benchmarks.md says what the rows mean. Nothing at
the top of these modules imports the package or its predecessor: the same workloads run over
either, each in an environment of its own.
"""
