"""trioproxy: a local proxy between coding agents and model providers.

The rooms, from the ground up; imports point downwards only (``tox -e rooms``):

======================  ==========================================================================
``errors``              what can go wrong, whose fault it is, what follows
``wire``                bytes: SSE, JSON, headers, content encodings; no clock, no sockets
``neutral``             the vocabulary that every protocol translates to and from
``protocols``           one folder a wire protocol; they never import each other
``providers``           the catalogue of vendors: data, URLs, authentication, named quirks
``config``              the file a user writes, checked and resolved to a frozen snapshot
``websocket``           handshakes, frames and closing, at either end of a stream
``upstream``            the door to providers: pooled HTTP, recordings
``credentials``         which key may be used now
``ledger``              what each exchange came to
``gateway``             one request's life, from admission to settlement
``server``              the door to clients: the h11 loop
``app``, ``cli``        composition root and commands
``testing``, ``bench``  recorded traffic for test suites; how fast all of it is
======================  ==========================================================================
"""

__version__ = "0.1.0"
