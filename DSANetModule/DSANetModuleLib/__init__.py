"""The panel of the DSANet module, a section a file; what it does is in DSANetLib."""
