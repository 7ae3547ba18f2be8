"""peer_systems.py - the other systems of bench/peers.py."""


def installed(threads):
    return []
