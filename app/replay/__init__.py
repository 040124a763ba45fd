"""``gnomon replay``: the detect role over history, with whatever settings, and nothing written to Kafka.

- ``history``    a stretch of the logs of ``pairs`` and of their outcomes, as the runs that a worker reads
- ``injection``  a known drift put into that history
- ``two_logs``   a detect fold over both its logs
- ``play``       one configuration's detect folds over the history, and what they said
- ``episodes``   what was said, as episodes: where each began, how it was judged, when it ended
- ``telling``    episodes as tables for people, one configuration beside another
"""
