"""Measures two sides of a benchmark in turns, and shows what came out.

rows.py          Benchmark, Row, Target, Round: what a file of benchmarks consists of
environments.py  the virtual environments in which the sides run
worker.py        the process of one side: does a round when it is told to
workers.py       such processes, seen from outside
measure.py       rounds in turns, equal results, ratios
report.py        the table and the JSON
chart.py         the chart
"""
