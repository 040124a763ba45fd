"""The embedded default: a real Apache Kafka and a real Redis on this machine, without containers.

`servers.Servers` starts both for the tests, the demo and the benchmarks; `up.dev_up` is the command `gnomon dev up`.
Nothing in here is used by the service itself.
"""
