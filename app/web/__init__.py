"""Page, REST, events, metrics and health over HTTP.

- ``application``  routes, and the server
- ``page``         the one page, rendered here from ``templates``; ``static`` has its style and script; ``present`` says how a
                   firing alert's signal stands now
- ``api``          the read model as JSON; ``openapi`` describes it; ``events`` streams it
- ``probes``       health, readiness, metrics of this process
- ``problems``     errors, security headers, counting

Nothing here writes anything anywhere: a request cannot change what the service does.
"""

from app.web.application import WebServer, create_web

__all__ = ["WebServer", "create_web"]
