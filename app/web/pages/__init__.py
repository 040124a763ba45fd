"""The pages for people: each is a function of what is known and of what the address asks for.

- ``layout``      from a page's function to an answer: templates, tags, what all pages share
- ``asked``       the state of a page, which is its query, and links that change a part of it
- ``links``       the addresses of things
- ``overview``, ``model``, ``signal``, ``alerts``, ``triggers``, ``pipeline``  the pages
- ``standing``    whether models, data and stream are well, in words
- ``marks``       the moments that explain what a chart shows
- ``effects``, ``distribution``  a signal's figures in words, and its reference beside its newest window
- ``runbooks``    the runbooks as HTML

A page is rendered whole, here; escaping is the template engine's, switched on for all of them. ``static/live.js`` fetches the
same page again when the event stream says that something changed, and takes over what differs: there is one way to render,
and without scripts the pages are the same, only still.
"""

from app.web.pages.layout import page
from app.web.pages.routes import ROUTES

__all__ = ["ROUTES", "page"]
