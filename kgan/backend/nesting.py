"""Nested layers."""

import keras


def all_layers(layer):
    """Return a layer and its nested layers, each once.

    Search attributes, lists, tuples, sets and dicts.
    """
    found, seen, waiting = [], set(), [layer]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, keras.Layer):
            found.append(thing)
            waiting += vars(thing).values()
        elif isinstance(thing, dict):
            waiting += thing.values()
        elif isinstance(thing, list | tuple | set):
            waiting += thing
    return found
