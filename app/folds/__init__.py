"""The fold runner: how a pure fold of a partition's log becomes a service that loses nothing and writes nothing twice."""
