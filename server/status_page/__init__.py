"""The customer status page: opt-in, at an unguessable address, as a page, as Statuspage's JSON, as a feed and as a badge."""
