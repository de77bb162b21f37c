"""How clients connect: each transport is a folder of its own."""
