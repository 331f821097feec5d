"""Real servers for the tests, as containers, as plain processes, or given by a URL.

fixtures.py    the pytest plugin: a fixture for each server, and the last lines of a run
redis.py       Redis, alone and as a cluster
mongo.py       MongoDB, alone and as a replica set
s3.py          S3 (SeaweedFS)
gcs.py         Google Cloud Storage, behind a front that refuses what Google would refuse
relay.py       an HTTP server before another one; gcs_*.py is that front
proxy.py       a TCP proxy that cuts connections, or goes away

service.py     what tests are given: a URL, and the servers behind it
way.py         containers or processes: what the run asks for and the machine offers
recipe.py      how to start one server, whichever the way
processes.py   servers as processes; programs.py finds the programs, on the PATH or in wheels
containers.py  servers in containers; images.py pulls or builds the images
"""
