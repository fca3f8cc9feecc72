"""A simulator of the parts of VPP that vppdhc uses."""
