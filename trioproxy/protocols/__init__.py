"""One folder a wire protocol, each understood in one place; none imports another. ``base`` says what a protocol must offer,
``table`` knows all of them."""
