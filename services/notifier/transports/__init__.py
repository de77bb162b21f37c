"""How clients connect. A transport is a folder that exports `transport`, and knows no other transport.

`websocket` is not one of them: it is what every transport over WebSocket stands on.
"""
