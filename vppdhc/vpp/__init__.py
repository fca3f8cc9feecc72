"""VPP: the API connection, its interface table, punt sockets and the routes that make packets arrive.

The only importer of vpp_papi, of which only the message codec is used.
"""
