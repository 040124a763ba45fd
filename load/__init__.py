"""The customer's traffic: what producers would send, with the truth about it, and the judge of what came out.

Three rules. Traffic is a pure function of its arguments: the same scenario, seed and size give the same bytes. The sender
is an open loop: it sends at the planned time whatever the service does, and latency counts from the planned time. Nothing
here imports ``app`` or ``agents``: this is the outside, and what it judges by is written anew from the contract.
"""
