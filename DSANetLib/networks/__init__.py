"""The networks of the method as plain ``nn.Module``s, built from small configurations.

Importing this package loads no torch; ``networks.config`` is plain data, all other modules need torch and MONAI.
"""
