"""Page, REST, events, metrics and health over HTTP.

- ``application``  routes, and the server
- ``pages``        for people, rendered here from ``templates``; ``static`` has their styles and scripts; ``present`` says how a
                   firing alert's signal stands now
- ``api``          the read model as JSON, ``api_signals`` of one model, ``api_letters`` what was refused, ``api_pairs`` a sample
                   of the log; ``asked`` reads parameters and makes pages, ``given`` sends answers, ``shapes`` are their types,
                   ``briefs`` encodes a model once for all lists
- ``openapi``      describes it, and refuses parameters that are not there
- ``events``       streams it; ``event_frames`` says what changed
- ``process``      what this process knows of itself; ``looks`` makes rates of it
- ``probes``       health, readiness, metrics of this process
- ``problems``     errors, security headers, counting; ``malformed`` connections, and what is no HTTP; ``bodies`` reads them
- ``guard``        who is let in; ``auth`` and what begins so says who asks; ``sign_in`` is for browsers
- ``actions``      what people decide, on its way to the topic ``actions``; ``repeats`` has it there once

A request changes nothing in this process but what bounds and repeats need: what people decide is an event like any other.
"""

from app.web.application import WebServer, create_web

__all__ = ["WebServer", "create_web"]
