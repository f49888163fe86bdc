# Python's client library: lists, watches, programs, conflicts.
$ python3 clients.py
ready: 2
log: awake
exec: out err 3
counted: 400 conflicts: True
in parts: 1 True
patched: 1
refused: (404, 'Not Found') (422, 'Unprocessable Entity')
dynamic: ['sleeper']
deleted: (404, 'Not Found')
